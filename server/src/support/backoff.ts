/** Full-jitter exponential back-off: a random delay between 0 and a ceiling that doubles with each try. */

interface BackoffOptions {
  /** The first ceiling, in milliseconds. */
  baseMs: number;
  /** The last ceiling, in milliseconds. */
  maxMs: number;
  /** Gives a number in [0, 1); by default `Math.random`. */
  random?: () => number;
}

/** The delay before try `attempt` (0 is the first), in milliseconds. */
export function backoffMs(attempt: number, { baseMs, maxMs, random = Math.random }: BackoffOptions): number {
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
}
