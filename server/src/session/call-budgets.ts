/**
 * What calls a connection may make, and an address with all its connections. A budget belongs to the connection and the address, not to
 * the session: to join again or to reconnect renews nothing. Knows no call. Keeps SPEC.md [LM4].
 */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../support/clock.ts';
import type { Client } from '../support/client-address.ts';
import { TokenBucket, type Rate } from './token-bucket.ts';

/** The rate of one connection, and how an address is found. */
export interface CallBudgetsOptions {
  rate: Rate;
  clientOf: (request: IncomingMessage) => Client;
  clock: Pick<Clock, 'monotonic' | 'every'>;
}

/** Whether a call may be made that weighs as much; the call then counts. */
export type MayCall = (weight: number) => boolean;

/** The budgets of one replica. */
export interface CallBudgets {
  /** A connection opened. The budget of its address is found by this request. */
  opened(connection: object, request: IncomingMessage): void;
  /** The budget of that connection. */
  of(connection: object): MayCall;
  /** Counts what a call cost beyond its weight. If that is more than is left, later calls are refused until it came back. */
  charge(connection: object, weight: number): void;
  close(): void;
}

/** An address may do as much as this many connections that call all the time: an office behind one address comes back at once. */
const connectionsPerAddress = 20;
/** Budgets of addresses that are full again are dropped this often, in milliseconds. */
const sweepMs = 10_000;

/** Addresses of trusted networks have no budget of their own. */
export function createCallBudgets({ rate, clientOf, clock }: CallBudgetsOptions): CallBudgets {
  const perAddress: Rate = {
    perSecond: rate.perSecond * connectionsPerAddress,
    burst: rate.burst * connectionsPerAddress,
  };
  const connections = new WeakMap<object, { own: TokenBucket; address: string | null }>();
  const addresses = new Map<string, TokenBucket>();

  function addressBucket(key: string): TokenBucket {
    let bucket = addresses.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket(perAddress, clock.monotonic());
      addresses.set(key, bucket);
    }
    return bucket;
  }

  const stopSweeping = clock.every(sweepMs, () => {
    for (const [key, bucket] of addresses) if (bucket.isFull(clock.monotonic())) addresses.delete(key);
  });

  return {
    opened: (connection, request) => {
      const { key, isTrusted } = clientOf(request);
      connections.set(connection, {
        own: new TokenBucket(rate, clock.monotonic()),
        address: isTrusted ? null : key,
      });
    },
    of: (connection) => (weight) => {
      const budget = connections.get(connection);
      if (budget === undefined) return true;
      const now = clock.monotonic();
      // By name: a bucket that was dropped as full is as good as a new one.
      const { own, address } = budget;
      if (!own.has(weight, now)) return false;
      if (address !== null && !addressBucket(address).take(weight, now)) return false;
      return own.take(weight, now);
    },
    charge: (connection, weight) => {
      const budget = connections.get(connection);
      if (budget === undefined) return;
      const now = clock.monotonic();
      budget.own.spend(weight, now);
      if (budget.address !== null) addressBucket(budget.address).spend(weight, now);
    },
    close: stopSweeping,
  };
}
