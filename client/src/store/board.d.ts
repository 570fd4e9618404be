/**
 * The state of the page: rows in the order of choosing, the connection, the feed. Takes the stream's callbacks as they
 * are and says which row changed. No DOM, no timers, no network.
 */
import type { FeedState, Hello, Quote, SubscribeResult, Tick } from '../../../server/protocol/index.ts';
import type { ConnectionState } from '../stream/index.ts';
import { type Freshness } from './freshness.ts';
import { type Row } from './row.ts';
export interface BoardOptions {
  /** Epoch milliseconds of this machine. */
  now: () => number;
  /** Fires when the row of a chosen symbol changed, as often as it does. */
  onRow: (symbol: string) => void;
  /** Fires when connection, node, feed or choice changed, and with them the freshness of every row. */
  onBoard: () => void;
}
export interface Board {
  /** The stream's callbacks of the same names. */
  onState(state: ConnectionState): void;
  onHello(hello: Hello): void;
  onFeed(feed: FeedState): void;
  onHeartbeat(at: number): void;
  onSnapshot(quotes: readonly Quote[]): void;
  onTick(tick: Tick): void;
  onResults(results: Record<string, SubscribeResult>): void;
  /** Makes these the rows, in this order; rows that were there stay as they are. */
  choose(symbols: readonly string[]): void;
  symbols(): readonly string[];
  row(symbol: string): Row | undefined;
  freshness(row: Row): Freshness;
  /** How old the quote is by the server's clock, in milliseconds. */
  age(quote: Quote): number;
  connection(): ConnectionState;
  /** The replica that serves us, or served us last. */
  node(): string | null;
  feed(): FeedState | null;
}
export declare function createBoard({ now, onRow, onBoard }: BoardOptions): Board;
