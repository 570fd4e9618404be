/**
 * The shapes on the wire, shared by server, client and load tests. Knows no transport and no runtime.
 * The rules behind them are numbered in SPEC.md.
 */

import type { ClusterStatistics, WatchAck, WatchTopic } from './cluster.ts';

/** A decimal number as text, digit for digit as its source sent it; the form is `isDecimal`'s in decimal.ts. */
export type Decimal = string;

/** The day's figures of a symbol. The day is UTC, shifted by `DAY_START`. */
export interface DayFigures {
  open: Decimal;
  high: Decimal;
  low: Decimal;
  /** The sum of sizes since the day began. */
  volume: Decimal;
  /** The last price of the day before; absent while nobody has stated it. */
  prevClose?: Decimal;
}

/** One price change [W3]. */
export interface Tick {
  symbol: string;
  price: Decimal;
  /** What was traded; absent where the source does not say. */
  size?: Decimal;
  /** The generation: one life of the store, 6 random characters. */
  gen: string;
  /** Rises by exactly 1 per symbol within a generation, from 1. */
  seq: number;
  /** Epoch milliseconds of the source. */
  ts: number;
  /**
   * How many ticks before this one it stands for; `high`, `low` and `size` then cover them all, or, where they are not
   * known, are absent and `day` is there.
   */
  merged?: number;
  high?: Decimal;
  low?: Decimal;
  /** The day's figures after this tick, where they do not follow from it: the source stated them, or a new day began. */
  day?: DayFigures;
}

/** The last known state of a symbol: its last tick and the day's figures after it. */
export interface Quote extends DayFigures {
  symbol: string;
  price: Decimal;
  size?: Decimal;
  gen: string;
  seq: number;
  ts: number;
  /** True while the symbol's source is stale, so that an old price is not taken for a fresh one. */
  stale: boolean;
}

/** Whether prices may be taken for current, of one source or of the whole feed [FR1]. */
export type Freshness = 'live' | 'stale';

/** One source of prices as clients see it. */
export interface SourceState {
  name: string;
  state: Freshness;
  symbols: string[];
}

/**
 * The `feed` event: whether what is shown is fresh, since when (epoch ms), and why not. The first one on a connection names every source
 * with its symbols. A later one names only sources that are stale while the feed is live, without
 * their symbols; if the feed is stale, every source is.
 */
export interface FeedState {
  state: Freshness;
  since: number;
  /** Empty while live. */
  reason: string;
  sources: SourceState[];
}

/** What a refused client may do: try again at once, after a pause, or not at all. */
export type Retry = 'now' | 'later' | 'never';

/** A refusal as it travels: in an ack, in `refused`, or as `err.data` of a refused handshake. */
export interface Refusal {
  code: number;
  name: string;
  message: string;
  retry: Retry;
}

/** A client's place in one symbol's stream: [generation, seq of the last tick it applied]. */
export type Position = [gen: string, seq: number];

/** The object form of `subscribe`'s payload. */
export interface SubscribeRequest {
  symbols: string[];
  /** The rate of these symbols, one of `limits.offeredEveryMs`; 0, as where it is absent, is each tick. */
  everyMs?: number;
  /** Where the client was, per symbol, to get what it missed. */
  since?: Record<string, Position>;
}

/** One symbol's outcome in a subscribe ack. `seq` is the head that the snapshot or the replay reached. */
export type SubscribeResult =
  | { ok: true; gen: string; seq: number; everyMs: number; recovered: boolean; replayed: number }
  | ({ ok: false } & Refusal);

/** `symbols` is the whole current set of the session, also in a refusal; only `too_many_calls` comes without it. */
export type SubscribeAck =
  | { ok: true; symbols: string[]; results: Record<string, SubscribeResult> }
  | ({ ok: false; symbols?: string[] } & Refusal);

/** `symbols` is what is left; in a refusal, which changes nothing, the whole current set as in `SubscribeAck`. */
export type UnsubscribeAck = { ok: true; symbols: string[] } | ({ ok: false; symbols?: string[] } & Refusal);

/** `expiresAt` as in `Hello`, null where the sign-in never ends; `symbols` is what the new token leaves of the current set. */
export type RefreshAck =
  | { ok: true; expiresAt: number | null; symbols: string[] }
  | ({ ok: false; symbols?: string[] } & Refusal);

/** The `symbols` event: what is listed from now on, and what no longer [LS1]. */
export interface SymbolsChange {
  added: string[];
  retired: string[];
  /** The source of each added symbol. */
  feeds?: Record<string, string>;
}

/** Why a snapshot comes: behind the answer to a call [SB5], as ticks are gone [SQ7], or as the store began anew [SQ4]. */
export type SnapshotReason = 'subscribe' | 'gap' | 'generation';

/** The `snapshot` event. It sets the client's seq for each symbol in it. */
export interface Snapshot {
  quotes: Quote[];
  reason: SnapshotReason;
}

/** The `hello` event, first on every connection. */
export interface Hello {
  /** The session's id, unlike the socket's known to the session alone. */
  session: string;
  node: string;
  user: string | null;
  /** Proves to the HTTP API that the caller is this session. */
  secret: string;
  /** When the sign-in ends, in epoch milliseconds, unless `refresh_token` comes before; absent where it never does. */
  expiresAt?: number;
}

/** What one user sends another [MS1]. */
export interface MessageRequest {
  /** The other user's id. */
  recipient: string;
  content: string;
}

/** The `message` event, where a user sent it. An API caller's has the form that the caller chose. */
export interface UserMessage {
  /** The user who sent it. */
  from: string;
  content: string;
  /** Epoch milliseconds of the replica that took it. */
  at: number;
}

/** Whom a message is for: every session of a user, every session that has a symbol, or every session. */
export type Recipients = { userId: string } | { symbol: string } | { all: true };

/** How many sessions of the cluster something was sent to. */
export interface Delivered {
  delivered: number;
  /** Replicas that did not answer in time: their sessions are not counted, and may get it or not [MS5]. */
  incomplete?: string[];
}

/** The answer to `send_message`: `delivered: 0` is none of the refusals [MS1]. `symbols` is that of `SubscribeAck`. */
export type MessageAck = ({ ok: true } & Delivered) | ({ ok: false; symbols?: string[] } & Refusal);

/** What a plain WebSocket gets, one in each text frame [PW3]. */
export type StreamMessage =
  | ({ type: 'hello' } & Hello)
  | ({ type: 'feed' } & FeedState)
  | { type: 'subscribed'; symbols: string[]; results: Record<string, SubscribeResult> }
  | ({ type: 'error'; symbols?: string[] } & Refusal)
  | ({ type: 'quote'; reason: SnapshotReason } & Quote)
  | ({ type: 'tick' } & Tick)
  | ({ type: 'symbols' } & SymbolsChange)
  | { type: 'heartbeat'; at: number }
  | { type: 'message'; event: string; data: unknown }
  | { type: 'shutdown'; reconnectInMs: number }
  | ({ type: 'refused' } & Refusal);

/** Events that a server sends, by Socket.IO's listener signature. */
export interface ServerEvents {
  hello: (hello: Hello) => void;
  snapshot: (snapshot: Snapshot) => void;
  tick: (tick: Tick) => void;
  feed: (feed: FeedState) => void;
  symbols: (change: SymbolsChange) => void;
  heartbeat: (beat: { at: number }) => void;
  shutdown: (notice: { reconnectInMs: number }) => void;
  refused: (refusal: Refusal) => void;
  message: (message: UserMessage) => void;
  quote: (quote: Quote) => void;
  cluster: (statistics: ClusterStatistics) => void;
}

/** Events that a client sends. Everything in them is `unknown` to the server until it is parsed. */
export interface ClientEvents {
  subscribe: (request: string[] | SubscribeRequest, ack?: (answer: SubscribeAck) => void) => void;
  unsubscribe: (symbols?: string[], ack?: (answer: UnsubscribeAck) => void) => void;
  refresh_token: (token: string, ack?: (answer: RefreshAck) => void) => void;
  send_message: (request: MessageRequest, ack?: (answer: MessageAck) => void) => void;
  watch: (topics: WatchTopic[], ack?: (answer: WatchAck) => void) => void;
  unwatch: (topics?: WatchTopic[], ack?: (answer: WatchAck) => void) => void;
}
