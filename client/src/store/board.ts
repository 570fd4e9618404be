/**
 * The state of the page: rows in the order of choosing, the connection, the feed. Takes the stream's callbacks as they
 * are and says which row changed. No DOM, no timers, no network.
 */
import type {
  ClusterStatistics,
  FeedState,
  Hello,
  NodeStatistics,
  Quote,
  SubscribeResult,
  Tick,
} from '../../../server/protocol/index.ts';
import type { ConnectionState } from '../stream/index.ts';
import { ageMs, freshnessOf, stalenessOf, type Freshness } from './freshness.ts';
import { emptyRow, rowAfterTick, rowWithQuote, type Problem, type Row } from './row.ts';

/** What a board is given. Its callbacks fire within the call that made the change, so who draws has to gather them. */
export interface BoardOptions {
  /** Epoch milliseconds of this machine. */
  now: () => number;
  /** Fires when the row of a chosen symbol changed, as often as it does. */
  onRow: (symbol: string) => void;
  /** Fires when the replicas or their users changed. */
  onNodes: () => void;
  /** Fires when connection, node, feed or choice changed, and with them the freshness of every row. */
  onBoard: () => void;
}

/**
 * What a page knows and shows. What is told of a symbol that is not chosen is dropped; of one that is chosen again, a
 * new row begins.
 */
export interface Board {
  /** The stream's callbacks of the same names. */
  onState(state: ConnectionState): void;
  onHello(hello: Hello): void;
  onFeed(feed: FeedState): void;
  onCluster(statistics: ClusterStatistics): void;
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
  /** Every replica as it was last told of; none before. */
  nodes(): readonly NodeStatistics[];
  feed(): FeedState | null;
}

/** A board without rows, which is connecting for the first time and was told of no replica and no feed. */
export function createBoard({ now, onRow, onNodes, onBoard }: BoardOptions): Board {
  const rows = new Map<string, Row>();
  let connection: ConnectionState = { at: 'connecting', tries: 1 };
  let node: string | null = null;
  let nodes: readonly NodeStatistics[] = [];
  let feed: FeedState | null = null;
  let isStale = stalenessOf(feed);
  /** How far the server's clock is ahead, as far as it was seen on this connection; null before. */
  let skewMs: number | null = null;

  /** A message is late by its way here, so the largest difference of many is the truest. */
  function sawServerTime(at: number): void {
    skewMs = Math.max(skewMs ?? -Infinity, at - now());
  }

  function put(row: Row): void {
    rows.set(row.symbol, row);
    onRow(row.symbol);
  }

  return {
    onState: (state) => {
      connection = state;
      onBoard();
    },
    onHello: (hello) => {
      node = hello.node;
      skewMs = null;
      onBoard();
    },
    onFeed: (next) => {
      feed = next;
      isStale = stalenessOf(next);
      onBoard();
    },
    onCluster: (statistics) => {
      nodes = statistics.nodes;
      onNodes();
    },
    onHeartbeat: sawServerTime,
    onSnapshot: (quotes) => {
      for (const quote of quotes) {
        const row = rows.get(quote.symbol);
        if (row !== undefined) put(rowWithQuote(row, quote));
      }
    },
    onTick: (tick) => {
      const row = rows.get(tick.symbol);
      if (row === undefined) return;
      // Nothing comes from the future: where it seems so, it is this machine's clock that is behind.
      if (tick.ts > now() + (skewMs ?? 0)) sawServerTime(tick.ts);
      put(rowAfterTick(row, tick));
    },
    onResults: (results) => {
      for (const [symbol, result] of Object.entries(results)) {
        const row = rows.get(symbol);
        if (row === undefined) continue;
        const problem = problemOf(result);
        if (row.problem?.name !== problem?.name) put({ ...row, problem });
      }
    },
    choose: (symbols) => {
      const kept = new Map(rows);
      rows.clear();
      for (const symbol of symbols) rows.set(symbol, kept.get(symbol) ?? emptyRow(symbol));
      onBoard();
    },
    symbols: () => [...rows.keys()],
    row: (symbol) => rows.get(symbol),
    freshness: (row) => freshnessOf(row, connection.at, isStale),
    age: (quote) => ageMs(quote, now(), skewMs ?? 0),
    connection: () => connection,
    node: () => node,
    nodes: () => nodes,
    feed: () => feed,
  };
}

function problemOf(result: SubscribeResult): Problem | null {
  return result.ok
    ? null
    : { name: result.name, message: result.message, isPassing: result.retry !== 'never' };
}
