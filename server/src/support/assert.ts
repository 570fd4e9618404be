/** The loud end of a bug: what must hold, does not. */

/** What `assert` throws; nobody looks for its class. What no session and no HTTP call catches ends the process. */
export class BugError extends Error {
  override name = 'BugError';
}

/** Throws where the condition does not hold; the message says what was believed. */
export function assert(condition: unknown, belief: string): asserts condition {
  if (!condition) throw new BugError(`this must hold and does not: ${belief}`);
}
