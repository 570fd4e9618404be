/**
 * How many connections and handshakes one address may have at this replica, for people without a proxy that sees to it.
 * Counts in memory, so each replica counts its own. Knows no sockets. Keeps SPEC.md [LM7].
 */
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { takePoint } from '../support/rate-limit.ts';

/** Why a handshake was refused, by the name of its code; both are answered 429. */
export type AddressLimit = 'too_many_connections_from_address' | 'too_many_handshakes';

/** What became of a handshake: a connection, until `leave` is called, or a refusal. */
export type Entry =
  | { ok: true; leave: () => void }
  /** How many seconds later another try may succeed. */
  | { ok: false; limit: AddressLimit; retryAfterS: number };

/** What one address may have at this replica: connections at once, and handshakes a second on average over five. */
export interface AddressLimitsOptions {
  maxConnections: number;
  maxHandshakesPerSecond: number;
}

/** Handshakes are counted over so many seconds: after an outage the clients of an office come back all at once. */
const handshakeSpanS = 5;
/** Nobody knows when a connection ends. */
const connectionRetryS = 5;

/**
 * Begins with none. Handshakes are forgotten five seconds after the first of them, a connection when its `leave` is
 * called.
 */
export function createAddressLimits({ maxConnections, maxHandshakesPerSecond }: AddressLimitsOptions) {
  const handshakes = new RateLimiterMemory({
    points: maxHandshakesPerSecond * handshakeSpanS,
    duration: handshakeSpanS,
  });
  /** By the address; none has 0. */
  const connections = new Map<string, number>();

  function add(address: string, count: number): void {
    const sum = (connections.get(address) ?? 0) + count;
    if (sum === 0) connections.delete(address);
    else connections.set(address, sum);
  }

  return {
    /** Takes a handshake of that address. One that is refused counts as a handshake too. */
    enter: async (address: string): Promise<Entry> => {
      const waitMs = await takePoint(handshakes, address);
      if (waitMs > 0)
        return { ok: false, limit: 'too_many_handshakes', retryAfterS: Math.ceil(waitMs / 1_000) };
      if ((connections.get(address) ?? 0) >= maxConnections)
        return { ok: false, limit: 'too_many_connections_from_address', retryAfterS: connectionRetryS };
      add(address, 1);
      let hasLeft = false;
      return {
        ok: true,
        leave: () => {
          if (!hasLeft) add(address, -1);
          hasLeft = true;
        },
      };
    },
  };
}

/** What the door asks about each handshake of an address that is not trusted. */
export type AddressLimits = ReturnType<typeof createAddressLimits>;
