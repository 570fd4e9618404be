/**
 * The browser library of Tickwire: live ticks of the symbols that are wanted, over connections that come and go. Says
 * nothing twice, hides no loss. No framework; runs in browsers, workers and Node.
 */
import type {
  ClusterStatistics,
  FeedState,
  Hello,
  Quote,
  Snapshot,
  SnapshotReason,
  SubscribeResult,
  SymbolsChange,
  Tick,
} from '../../../server/protocol/index.ts';
import { makeCid as randomCid } from './cid.ts';
import { systemClock, type Clock } from './clock.ts';
import { createConnection, type ConnectionState } from './connection.ts';
import { zeroCounters, type Counters } from './counters.ts';
import { createFeed } from './feed.ts';
import { socketIoLinks, type OpenLink, type TransportName } from './link.ts';
import { createSubscriptions } from './subscriptions.ts';
import { createRenewal, type TokenSource } from './token.ts';
import {
  isClusterStatistics,
  isFeedState,
  isHeartbeat,
  isHello,
  isSnapshot,
  isSymbolsChange,
  isTick,
} from './wire.ts';

/**
 * What a stream is given; all of it may be absent. What comes for a callback in a wrong shape is dropped and counted as
 * `malformed`; `onOther` gets its events as they are.
 */
export interface StreamOptions {
  /** The server's address; the page's own where it is absent. */
  url?: string;
  /** In the order of trying; polling first and then the upgrade, as stock, reaches everyone. */
  transports?: TransportName[];
  /** Signs in: a token, or a function that gives one, asked before each connection and again before its token ends. */
  token?: TokenSource;
  /** The cid to begin with, such as the one that this tab had before a reload. */
  cid?: string;
  /** Fires when another cid is taken, so that it can be kept. */
  onCid?: (cid: string) => void;
  /** Fires at each change of `state()`. */
  onState?: (state: ConnectionState) => void;
  /** Once on each connection, before everything else of it. */
  onHello?: (hello: Hello) => void;
  /** On each connection and at each change of the feed or of the list of symbols: every source, with its symbols. */
  onFeed?: (feed: FeedState) => void;
  /** The quotes of wanted symbols, which take the place of all that was known of them. */
  onSnapshot?: (quotes: Quote[], reason: SnapshotReason) => void;
  /** Each tick once, in order, per symbol and generation. */
  onTick?: (tick: Tick) => void;
  /** When nothing else came for a second; `at` is the server's time, epoch ms. */
  onHeartbeat?: (at: number) => void;
  /** When the list of symbols changed. What is wanted of it stays so: a symbol that is added again goes on by itself. */
  onSymbols?: (change: SymbolsChange) => void;
  /** How each symbol of a subscribe fared, again after each reconnect. An unknown symbol is told here, and one that is retired meanwhile. */
  onResults?: (results: Record<string, SubscribeResult>) => void;
  /** Where it is given the cluster is watched: fires on each connection, and when a replica, its users or the leader change. */
  onCluster?: (statistics: ClusterStatistics) => void;
  /** Every other event, with its first argument. */
  onOther?: (name: string, payload: unknown) => void;
  clock?: Clock;
  /** Gives a number in [0, 1). */
  random?: () => number;
  makeCid?: () => string;
  /** Opens one connection; Socket.IO by default. */
  openLink?: OpenLink;
}

/** How the symbols of one `subscribe` are to come. */
export interface SubscribeOptions {
  /** The rate of these symbols: at most one tick each in so many milliseconds, 250, 1,000 or 5,000. 0, the default, is each tick. */
  everyMs?: number;
}

/** Lasts until `close`. What is wanted may be said at any time: without a connection, the next one asks for it. */
export interface Stream {
  /**
   * Adds symbols to what is wanted, in any case, or changes their rate. They stay wanted at it over reconnects until
   * `unsubscribe`.
   */
  subscribe(symbols: readonly string[], options?: SubscribeOptions): void;
  unsubscribe(symbols: readonly string[]): void;
  /** Everything that is wanted. */
  symbols(): string[];
  state(): ConnectionState;
  counters(): Readonly<Counters>;
  /** Ends a wait or a refusal and tries at once: for a button, or the browser's `online`. */
  retryNow(): void;
  close(): void;
}

/** Begins to connect at once. No callback but `onResults` fires before this returned. */
export function createStream(options: StreamOptions = {}): Stream {
  const { clock = systemClock, random = Math.random, makeCid = randomCid } = options;
  const { transports = ['polling', 'websocket'], url, token } = options;
  const counters = zeroCounters();

  const subscriptions = createSubscriptions({
    clock,
    random,
    counters,
    send: (name, payload, onAnswer) => connection.send(name, payload, onAnswer),
    onResults: (results) => options.onResults?.(results),
  });

  const renewal = createRenewal({
    token,
    clock,
    send: (name, next, onAnswer) => connection.send(name, next, onAnswer),
  });

  const connection = createConnection({
    openLink:
      options.openLink ??
      socketIoLinks({ transports, ...(url !== undefined && { url }), ...(token !== undefined && { token }) }),
    clock,
    random,
    makeCid,
    cid: options.cid ?? makeCid(),
    onCid: (cid) => options.onCid?.(cid),
    onState: (state) => {
      if (state.at !== 'live') {
        subscriptions.disconnected();
        renewal.disconnected();
      }
      options.onState?.(state);
    },
    onEvent: receive,
  });

  const feed = createFeed();

  function receiveTick(tick: Tick): void {
    if (subscriptions.accept(tick)) options.onTick?.(tick);
  }

  function receiveSnapshot(snapshot: Snapshot): void {
    const quotes = subscriptions.place(snapshot);
    if (quotes.length > 0) options.onSnapshot?.(quotes, snapshot.reason);
  }

  function receiveSymbols(change: SymbolsChange): void {
    subscriptions.listChanged(change);
    options.onSymbols?.(change);
    const changed = feed.listChanged(change);
    if (changed !== null) options.onFeed?.(changed);
  }

  function receiveHello(hello: Hello): void {
    feed.connected();
    options.onHello?.(hello);
    subscriptions.connected();
    renewal.connected(hello.expiresAt);
    if (options.onCluster !== undefined) connection.send('watch', ['cluster']);
  }

  function take<T>(payload: unknown, fits: (value: unknown) => value is T, apply: (value: T) => void): void {
    if (fits(payload)) apply(payload);
    else counters.malformed += 1;
  }

  function receive(name: string, payload: unknown): void {
    if (name === 'tick') take(payload, isTick, receiveTick);
    else if (name === 'snapshot') take(payload, isSnapshot, receiveSnapshot);
    else if (name === 'heartbeat') take(payload, isHeartbeat, ({ at }) => options.onHeartbeat?.(at));
    else if (name === 'feed') take(payload, isFeedState, (event) => options.onFeed?.(feed.take(event)));
    else if (name === 'cluster')
      take(payload, isClusterStatistics, (statistics) => options.onCluster?.(statistics));
    else if (name === 'symbols') take(payload, isSymbolsChange, receiveSymbols);
    else if (name === 'hello') take(payload, isHello, receiveHello);
    else options.onOther?.(name, payload);
  }

  return {
    subscribe: (symbols, { everyMs = 0 } = {}) => subscriptions.subscribe(symbols, everyMs),
    unsubscribe: (symbols) => subscriptions.unsubscribe(symbols),
    symbols: () => subscriptions.symbols(),
    state: () => connection.state(),
    counters: () => counters,
    retryNow: () => connection.retryNow(),
    close: () => connection.close(),
  };
}
