/**
 * How long to wait before the next try: full jitter, so that ten thousand clients that lost one replica in the same
 * millisecond do not come back in the same millisecond.
 */

/** The first and the last ceiling of the random delay, in milliseconds. */
export const retryCeilings = { firstMs: 500, lastMs: 20_000 } as const;

/** `later` waits at least half of the ceiling of this try, however early it is. */
const laterTries = 3;

interface RetryOptions {
  /** Tries since a connection last held; 0 is the first. */
  tries: number;
  /** Milliseconds since the first of these tries failed. */
  failingMs: number;
  /** `now` for everything that nobody asked us to put off. */
  retry: 'now' | 'later';
  /** Gives a number in [0, 1). */
  random: () => number;
}

/**
 * The delay in milliseconds: random below a ceiling that doubles with each try. Short draws in a row would raise it within a second or
 * two, so it is also held to what even draws would have made of that time: who was away for 3 s is back within 7 s of the server.
 */
export function retryDelayMs({ tries, failingMs, retry, random }: RetryOptions): number {
  if (retry === 'now') return random() * Math.min(ceilingMs(tries), retryCeilings.firstMs + 2 * failingMs);
  const ceiling = ceilingMs(Math.max(tries, laterTries));
  return ceiling / 2 + random() * (ceiling / 2);
}

function ceilingMs(tries: number): number {
  return Math.min(retryCeilings.lastMs, retryCeilings.firstMs * 2 ** Math.min(tries, 30));
}
