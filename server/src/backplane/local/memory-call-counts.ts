/** Counts of calls in the memory of one process. */
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { createCallCounts } from '../call-counts.ts';
import type { CallCounts } from '../contract.ts';

/** The contract's `CallCounts`; never rejects. */
export function createMemoryCallCounts(): CallCounts {
  return createCallCounts(
    ({ maxCalls, spanS }) => new RateLimiterMemory({ points: maxCalls, duration: spanS }),
  );
}
