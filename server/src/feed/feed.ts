/**
 * Stage 1's contract: where prices come from. A feed runs on the leader only and knows neither who leads, nor the
 * store, nor a client; it says what it saw and whether it can be believed.
 */
import type { DayFigures, Decimal, Freshness, Quote } from '../../protocol/index.ts';

/** One price as its source states it, before the leader works out the day and the store numbers it. */
export interface FeedTick {
  symbol: string;
  price: Decimal;
  size?: Decimal;
  /** Epoch milliseconds of the source. */
  ts: number;
  /** What the source itself says of the day; whatever is absent follows from the ticks. */
  day?: Partial<DayFigures>;
  /** The source's own number of this tick, rising per symbol, where it has one: a takeover then repeats nothing. */
  sourceSeq?: number;
}

/** Whether the feed's prices are fresh; the reason is for people. */
export type FeedHealth =
  | { at: Extract<Freshness, 'live'> }
  | { at: Extract<Freshness, 'stale'>; reason: string };

/** What a feed begins with, and whom it tells. */
export interface FeedStart {
  /** Gives the last known quote by symbol, at any time, so that prices go on where the last leader or another source left them. */
  quotes: Pick<ReadonlyMap<string, Quote>, 'get'>;
  /** The last number taken of each symbol whose ticks have one. */
  sourceSeqs: ReadonlyMap<string, number>;
  /** Never empty, in the order of the source, and never from within `start`. */
  onTicks: (ticks: FeedTick[]) => void;
  /** Fires at each change; the first time perhaps from within `start`. Until then the feed is stale. */
  onState: (state: FeedHealth) => void;
}

/** A source of prices for the symbols it was given. */
export interface Feed {
  readonly name: FeedName;
  readonly symbols: readonly string[];
  /** From now on it gives prices of these symbols alone, whether it runs or not. */
  assign(symbols: readonly string[]): void;
  /** Begins to call back; a feed that runs begins anew, with these callbacks alone. */
  start(from: FeedStart): void;
  /** Ends it at once: nothing is called back after it returns. It may be started again. */
  stop(): void;
}

/** The sources that there are, by the names that `FEEDS` uses. */
export const feedNames = ['simulator', 'push'] as const;

/** One of them. */
export type FeedName = (typeof feedNames)[number];
