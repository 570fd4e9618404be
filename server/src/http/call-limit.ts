/**
 * How many calls a caller of the API may make, over all replicas; while they cannot count together, each replica counts what
 * comes to it. Strangers are never counted together: whoever sends too much would have the home of the counts do work for each.
 * Knows no operation. Keeps SPEC.md [AP3].
 */
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { BackplaneUnavailable, type CallCounts } from '../backplane/contract.ts';
import { takePoint } from '../support/rate-limit.ts';
import { Refused } from './problem.ts';

/** Calls that each kind of caller may make in a second, over all replicas where nothing else is said. */
export interface CallLimitOptions {
  callCounts: CallCounts;
  /** Of whoever has an API key, by the name of the key; 0 is no limit. */
  keyCallsPerSecond: number;
  /** Of a user who signed in, and of an address that shows secrets of sessions; 0 is no limit. */
  userCallsPerSecond: number;
  /** Of an address without a name, at one replica; 0 is no limit. */
  addressCallsPerSecond: number;
}

/** Who is counted: `name` is unique among its kind. A `stranger` is an address of which nothing else is known. */
export interface CountedCaller {
  kind: 'key' | 'user' | 'address' | 'stranger';
  name: string;
}

/** Resolves where there is room for the call, else rejects with `Refused`. */
export type TakeCall = (caller: CountedCaller) => Promise<void>;

const spanS = 1;

/** Begins without any calls. A refusal says in whole seconds when there is room again (`Retry-After`). */
export function createCallLimit(options: CallLimitOptions): TakeCall {
  const { callCounts, keyCallsPerSecond, userCallsPerSecond, addressCallsPerSecond } = options;
  const limiterOf = (maxCalls: number) => ({
    limit: { maxCalls, spanS },
    alone: new RateLimiterMemory({ points: maxCalls, duration: spanS }),
  });
  const ofUser = limiterOf(userCallsPerSecond);
  const limiters = {
    key: limiterOf(keyCallsPerSecond),
    user: ofUser,
    address: ofUser,
    stranger: limiterOf(addressCallsPerSecond),
  };

  async function take({ kind, name }: CountedCaller): Promise<number> {
    const { limit, alone } = limiters[kind];
    if (limit.maxCalls === 0) return 0;
    const caller = `${kind}:${name}`;
    if (kind === 'stranger') return takePoint(alone, caller);
    return callCounts.take(caller, limit).catch((error: unknown) => {
      if (!(error instanceof BackplaneUnavailable)) throw error;
      return takePoint(alone, caller);
    });
  }

  return async (caller) => {
    const waitMs = await take(caller);
    if (waitMs === 0) return;
    const refused = new Refused('too_many_api_calls');
    refused.retryAfterS = Math.ceil(waitMs / 1_000);
    throw refused;
  };
}
