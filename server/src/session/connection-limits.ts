/** What one connection may do, in full, from the few numbers that an operator sets. Keeps SPEC.md [LM1], [LM2], [LM4]. */
import type { Rate } from './token-bucket.ts';

/** What every connection of a replica gets, whoever it is of. */
export interface ConnectionLimits {
  /** Packets, WebSocket pings and KB that it may send. */
  packets: Rate;
  /** Calls that it may make. */
  calls: Rate;
  /** Bytes that may wait for it to take them. */
  maxUnreadBytes: number;
}

/** A page that connects may ask for hundreds of symbols one by one, all at once. */
const packetBurst = 5;
const callBurst = 10;
/** The largest message must fit into what is sent at once, and each KB counts. */
const largestMessageBurst = 2 / 1_024;
/** The answer and the snapshot of a subscribe to all that it may have, twice over. */
const unreadBytesPerSymbol = 1_024;
const minUnreadSymbols = 1_024;

/**
 * Gives bursts that hold a page's first calls and its largest message, and room for the answer to all that it may
 * subscribe to.
 */
export function connectionLimits(options: {
  maxPacketsPerSecond: number;
  maxCallsPerSecond: number;
  maxSubscriptions: number;
  maxMessageBytes: number;
}): ConnectionLimits {
  const { maxPacketsPerSecond, maxCallsPerSecond, maxSubscriptions, maxMessageBytes } = options;
  return {
    packets: {
      perSecond: maxPacketsPerSecond,
      burst: Math.max(packetBurst * maxPacketsPerSecond, largestMessageBurst * maxMessageBytes),
    },
    calls: { perSecond: maxCallsPerSecond, burst: callBurst * maxCallsPerSecond },
    maxUnreadBytes: unreadBytesPerSymbol * Math.max(maxSubscriptions, minUnreadSymbols),
  };
}
