/** What a limiter of rate-limiter-flexible says, as a number. Knows nothing of who is limited. */
import { RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';

/** Takes one of the key's points; gives 0, or how many milliseconds later it may try again. Rejects where the limiter's store does. */
export async function takePoint(limiter: RateLimiterAbstract, key: string): Promise<number> {
  try {
    await limiter.consume(key);
    return 0;
  } catch (spent) {
    if (spent instanceof RateLimiterRes) return Math.max(1, spent.msBeforeNext);
    throw spent;
  }
}
