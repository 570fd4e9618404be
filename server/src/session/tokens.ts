/** Random names that nobody guesses, from a store of random bytes: to ask for a few of them at a time takes longer than the rest. */
import { randomFillSync } from 'node:crypto';

const storedBytes = 4_096;

/** Gives a function that makes tokens of so many random bytes, at most a few hundred, as base64url. */
export function createTokens(): (bytes: number) => string {
  const store = Buffer.alloc(storedBytes);
  let used = storedBytes;
  return (bytes) => {
    if (used + bytes > storedBytes) {
      randomFillSync(store);
      used = 0;
    }
    used += bytes;
    const token = store.toString('base64url', used - bytes, used);
    // What was given away is not kept.
    store.fill(0, used - bytes, used);
    return token;
  };
}
