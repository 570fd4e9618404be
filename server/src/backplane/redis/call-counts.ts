/** Counts of calls in Redis, which every replica shares. Knows no callers. */
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { createCallCounts } from '../call-counts.ts';
import { BackplaneUnavailable, type CallCounts } from '../contract.ts';
import type { Commands } from './commands.ts';

/** If a caller is over the limit, memory says so until the span ends: a flood does not reach Redis. */
export function createRedisCallCounts(keyPrefix: string, commands: Commands): CallCounts {
  // The one command of a client that the limiter uses to count.
  const storeClient = {
    eval: (script: string, { keys, arguments: args }: { keys: string[]; arguments: string[] }) =>
      commands.runScript(script, keys, args),
  };
  const counts = createCallCounts(
    ({ maxCalls, spanS }) =>
      new RateLimiterRedis({
        storeClient,
        useRedisPackage: true,
        keyPrefix,
        points: maxCalls,
        duration: spanS,
        inMemoryBlockOnConsumed: maxCalls + 1,
      }),
  );
  return {
    take: (caller, limit) =>
      counts.take(caller, limit).catch((cause: unknown) => {
        if (cause instanceof BackplaneUnavailable) throw cause;
        throw new BackplaneUnavailable('calls could not be counted', { cause });
      }),
  };
}
