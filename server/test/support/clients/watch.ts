/**
 * One client that is watched: our stream library or a stock client, with the check of what it sees, when its ticks and feed states
 * came, and each time that it was away. Times are `performance.now()` of this process.
 */
import { io } from 'socket.io-client';
import { createStream, type OpenLink, type TransportName } from '../../../../client/src/stream/index.ts';
import type {
  FeedState,
  Hello,
  Snapshot,
  SubscribeAck,
  SubscribeResult,
  Tick,
} from '../../../protocol/index.ts';
import { createClientCheck, type ClientCheck } from '../checks/client-check.ts';
import type { PayloadBook } from '../checks/payload-book.ts';

/** One time without a connection on which every symbol is answered, by `performance.now()`. */
export interface Outage {
  lostAt: number;
  /** When every symbol was answered again; null until then. */
  backAt: number | null;
  /** Whether every symbol was taken up where it was. */
  recovered: boolean;
}

/** Who is watched, and where what it sees is entered. */
export interface WatchOptions {
  name: string;
  url: string;
  /** `stock` asks anew after each reconnect, as one does with socket.io-client alone. */
  kind: 'stream' | 'stock';
  symbols: readonly string[];
  /** The rate of all of them, in milliseconds; each tick where it is absent. */
  everyMs?: number;
  book: PayloadBook;
  transports?: TransportName[];
  /** For the stream library: another way to connect. */
  openLink?: OpenLink;
  /** For a stock client: the longest wait between two tries, in milliseconds, give or take a half; 5,000 as it comes. */
  maxRetryMs?: number;
  /** Whether the time of every tick is kept; costs memory. */
  keepTimes?: boolean;
  /** Fires with each tick, after it was checked. */
  onTick?: (tick: Tick) => void;
}

/** A client that goes on until `close`, however often it is cut off. */
export interface Watch {
  readonly name: string;
  readonly kind: 'stream' | 'stock';
  readonly symbols: readonly string[];
  readonly check: ClientCheck;
  readonly outages: readonly Outage[];
  readonly feeds: readonly (FeedState & { at: number })[];
  /** Names of the nodes that it was connected to, in order. */
  readonly nodes: readonly string[];
  /** When each tick came, where times are kept. */
  readonly tickTimes: readonly number[];
  isLive(): boolean;
  /** Milliseconds of the longest time without a tick, from then until now. */
  longestPause(from: number): number;
  /** Ends a wait of our stream, as a page does when its browser is online again; a stock client has no such way. */
  retryNow(): void;
  close(): void;
}

/** How long a stock client waits before it asks again for what was refused for now. */
const askAgainMs = 1_000;

function isForLater(result: SubscribeResult | undefined): boolean {
  return result !== undefined && !result.ok && result.retry !== 'never';
}

/** Connects at once. */
export function createWatch(options: WatchOptions): Watch {
  const { name, kind, symbols, everyMs = 0, book, keepTimes = true, onTick: onSeen } = options;
  const check = createClientCheck();
  const outages: Outage[] = [];
  const feeds: (FeedState & { at: number })[] = [];
  const nodes: string[] = [];
  const tickTimes: number[] = [];
  let live = false;
  let unanswered = new Set<string>();

  function onHello({ node }: Hello): void {
    nodes.push(node);
    unanswered = new Set(symbols);
  }

  function onLost(): void {
    if (live) outages.push({ lostAt: performance.now(), backAt: null, recovered: true });
    live = false;
  }

  function onResults(results: Record<string, SubscribeResult>): void {
    const outage = outages.at(-1);
    for (const [symbol, result] of Object.entries(results)) {
      if (!result.ok || !unanswered.delete(symbol)) continue;
      const wasSomewhere = check.head(symbol) !== undefined;
      if (outage?.backAt === null && wasSomewhere && !result.recovered) outage.recovered = false;
    }
    check.told(results);
    if (unanswered.size > 0 || live) return;
    live = true;
    if (outage !== undefined) outage.backAt = performance.now();
  }

  function onSnapshot(snapshot: Snapshot): void {
    check.placed(snapshot);
    for (const quote of snapshot.quotes) book.saw(quote, name);
  }

  function onTick(tick: Tick): void {
    check.arrived(tick);
    book.saw(tick, name);
    if (keepTimes) tickTimes.push(performance.now());
    onSeen?.(tick);
  }

  function onFeed(feed: FeedState): void {
    feeds.push({ ...feed, at: performance.now() });
  }

  const { close, retryNow } = kind === 'stream' ? openStream() : openStock();

  function openStream(): Pick<Watch, 'close' | 'retryNow'> {
    const { url, transports, openLink } = options;
    const stream = createStream({
      url,
      ...(transports === undefined ? {} : { transports }),
      ...(openLink === undefined ? {} : { openLink }),
      onHello,
      onState: ({ at }) => at !== 'live' && onLost(),
      onResults,
      onSnapshot: (quotes, reason) => onSnapshot({ quotes, reason }),
      onTick,
      onFeed,
    });
    stream.subscribe(symbols, { everyMs });
    return { close: () => stream.close(), retryNow: () => stream.retryNow() };
  }

  function openStock(): Pick<Watch, 'close' | 'retryNow'> {
    const { url, transports, maxRetryMs } = options;
    const socket = io(url, {
      forceNew: true,
      ...(transports === undefined ? {} : { transports }),
      ...(maxRetryMs === undefined ? {} : { reconnectionDelayMax: maxRetryMs }),
    });
    socket.on('hello', onHello);
    /** What could not be had now is asked for again, as its refusal says; on the next connection everything is. */
    function ask(wanted: readonly string[]): void {
      const { id } = socket;
      socket.emit('subscribe', { symbols: wanted, everyMs }, (ack: SubscribeAck) => {
        if (!ack.ok) return;
        onResults(ack.results);
        const later = wanted.filter((symbol) => isForLater(ack.results[symbol]));
        if (later.length > 0) setTimeout(() => socket.id === id && ask(later), askAgainMs);
      });
    }
    socket.on('connect', () => ask(symbols));
    socket.on('disconnect', () => {
      onLost();
      check.forget();
    });
    socket.on('snapshot', onSnapshot);
    socket.on('tick', onTick);
    socket.on('feed', onFeed);
    return { close: () => void socket.disconnect(), retryNow: () => {} };
  }

  return {
    name,
    kind,
    symbols,
    check,
    outages,
    feeds,
    nodes,
    tickTimes,
    isLive: () => live,
    longestPause: (from) => {
      let longest = 0;
      let last = from;
      for (const at of [...tickTimes.filter((time) => time > from), performance.now()]) {
        longest = Math.max(longest, at - last);
        last = at;
      }
      return longest;
    },
    retryNow,
    close,
  };
}
