/** Whether a text is one of a few secrets, in constant time. Knows not what they open. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** A secret, and the name that stands for it wherever the secret itself must not appear. */
export interface NamedSecret {
  name: string;
  key: string;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Gives a function that tells the name of the key that was shown, or null. It takes the same time for every wrong one. */
export function createSecretCheck(keys: readonly NamedSecret[]): (shown: string) => string | null {
  const known = keys.map(({ name, key }) => ({ name, digest: digest(key) }));

  return (shown) => {
    const own = digest(shown);
    // Digests have one length, and every wrong key is compared with all.
    return known.find((entry) => timingSafeEqual(entry.digest, own))?.name ?? null;
  };
}
