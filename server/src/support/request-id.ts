/** The id by which one request is found again in logs, answers and at a backend. */
import { randomUUID } from 'node:crypto';

const wellFormed = /^[\w-]{1,64}$/;

/** The given id where it is 1 to 64 letters, digits, `_` or `-`, as a proxy's `X-Request-Id` is; else a new one. */
export function requestIdOf(given?: unknown): string {
  return typeof given === 'string' && wellFormed.test(given) ? given : randomUUID();
}
