/** Counts of calls on limiters that the home makes, one for each limit. Knows neither callers nor where counts are kept. */
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import { takePoint } from '../support/rate-limit.ts';
import type { CallCounts, CallLimit } from './contract.ts';

/** `makeLimiter` is called once for each limit that is asked about. */
export function createCallCounts(makeLimiter: (limit: CallLimit) => RateLimiterAbstract): CallCounts {
  const limiters = new Map<string, RateLimiterAbstract>();

  return {
    take: (caller, limit) => {
      const name = `${limit.maxCalls}/${limit.spanS}`;
      const limiter = limiters.get(name) ?? makeLimiter(limit);
      limiters.set(name, limiter);
      return takePoint(limiter, caller);
    },
  };
}
