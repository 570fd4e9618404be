/** The stream library, in one import. */
export { makeCid } from './cid.ts';
export { systemClock, type Clock } from './clock.ts';
export type { ConnectionState, Ending } from './connection.ts';
export { zeroCounters, type Counters } from './counters.ts';
export type { Link, LinkListener, OpenLink, TransportName } from './link.ts';
export { createStream, type Stream, type StreamOptions, type SubscribeOptions } from './stream.ts';
export type { TokenSource } from './token.ts';
