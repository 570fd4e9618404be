/** Counts of calls in Redis, which every replica shares. Knows no callers. */
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { createCallCounts } from '../call-counts.ts';
import { BackplaneUnavailable, type CallCounts } from '../contract.ts';
import { defineScript, type Commands } from './commands.ts';
import type { Keys } from './keys.ts';

/** What the counts are made of. */
export interface RedisCallCountsOptions {
  keys: Keys;
  commands: Commands;
}

/** The one command of a client that the limiter uses to count. */
function createScriptClient(commands: Commands) {
  let script = defineScript('');
  return {
    eval: (lua: string, { keys, arguments: args }: { keys: string[]; arguments: string[] }) => {
      if (script.lua !== lua) script = defineScript(lua);
      return commands.runScript(script, keys, args);
    },
  };
}

/** Who is over the limit is told so from memory until the span ends, so that a flood does not reach Redis. */
export function createRedisCallCounts({ keys, commands }: RedisCallCountsOptions): CallCounts {
  const storeClient = createScriptClient(commands);
  const counts = createCallCounts(
    ({ maxCalls, spanS }) =>
      new RateLimiterRedis({
        storeClient,
        useRedisPackage: true,
        keyPrefix: keys.calls,
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
