/** Links that a test answers by hand, and the stream over them. */
import type {
  Hello,
  Quote,
  SnapshotReason,
  SubscribeRequest,
  SubscribeResult,
  Tick,
} from '../../../../server/protocol/index.ts';
import type { ConnectionState } from '../connection.ts';
import type { LinkListener, OpenLink } from '../link.ts';
import { createStream, type StreamOptions } from '../stream.ts';
import { createFakeClock } from './fake-clock.ts';

/** The server's end of one link. `lastAsk` and `answer` throw where no subscribe was sent on it. */
export interface FakeLink {
  cid: string;
  listener: LinkListener;
  isClosed: boolean;
  sent: { name: string; payload: unknown; answer: (value: unknown) => void }[];
  /** The symbols and positions of the last subscribe. */
  lastAsk(): SubscribeRequest;
  /** Acknowledges the last subscribe: each symbol with what `results` says, else as a snapshot at seq 1 of generation g1. */
  answer(results?: Record<string, SubscribeResult>): void;
}

/** The first event of a connection, of a session on `replica-1` that has no user. */
export const hello: Hello = { session: 's1', node: 'replica-1', user: null, secret: 'x' };

/** A tick of generation g1, whose price and time follow from its seq; fields of `more` win. */
export function tickOf(symbol: string, seq: number, more: Partial<Tick> = {}): Tick {
  return { symbol, price: `10.0${seq % 10}`, gen: 'g1', seq, ts: 1_700_000_000_000 + seq, ...more };
}

/** A quote of generation g1 at 10.00, which is not stale; fields of `more` win. */
export function quoteOf(symbol: string, seq: number, more: Partial<Quote> = {}): Quote {
  const day = { open: '10', high: '11', low: '9', volume: '0', stale: false };
  return { ...day, symbol, price: '10.00', gen: 'g1', seq, ts: 1_700_000_000_000 + seq, ...more };
}

/**
 * The result of a symbol that begins at this seq of generation g1, with each tick and nothing recovered; fields of
 * `more` win.
 */
export function resultAt(seq: number, more: Partial<SubscribeResult & { ok: true }> = {}): SubscribeResult {
  return { ok: true, gen: 'g1', seq, everyMs: 0, recovered: false, replayed: 0, ...more };
}

function isSubscribeRequest(value: unknown): value is SubscribeRequest {
  return typeof value === 'object' && value !== null && 'symbols' in value;
}

function createFakeLinks(): { openLink: OpenLink; links: FakeLink[] } {
  const links: FakeLink[] = [];
  return {
    links,
    openLink: (cid, listener) => {
      const sent: FakeLink['sent'] = [];
      const lastSubscribe = () => {
        const call = sent.findLast(({ name }) => name === 'subscribe');
        if (call === undefined || !isSubscribeRequest(call.payload)) throw new Error('nothing was asked for');
        return { request: call.payload, answer: call.answer };
      };
      const link: FakeLink = {
        cid,
        listener,
        isClosed: false,
        sent,
        lastAsk: () => lastSubscribe().request,
        answer: (results = {}) => {
          const { request, answer } = lastSubscribe();
          const all = request.symbols.map((symbol) => [symbol, results[symbol] ?? resultAt(1)]);
          answer({ ok: true, symbols: request.symbols, results: Object.fromEntries(all) });
        },
      };
      links.push(link);
      return {
        send: (name, payload, onAnswer) =>
          void sent.push({ name, payload, answer: (value) => onAnswer?.(value) }),
        close: () => void (link.isClosed = true),
      };
    },
  };
}

/** A stream over fake links and a fake clock; `seen` is what its callbacks told. Cids are cid-1, cid-2 and so on. */
export function createStreamUnderTest(options: StreamOptions = {}) {
  const clock = createFakeClock();
  const { openLink, links } = createFakeLinks();
  const states: ConnectionState[] = [];
  const ticks: Tick[] = [];
  const quotes: Quote[] = [];
  const results: Record<string, SubscribeResult>[] = [];
  let cids = 0;
  const stream = createStream({
    clock,
    openLink,
    random: () => 0.5,
    makeCid: () => `cid-${++cids}`,
    onState: (state) => void states.push(state),
    onTick: (tick) => void ticks.push(tick),
    onSnapshot: (snapshot) => void quotes.push(...snapshot),
    onResults: (result) => void results.push(result),
    ...options,
  });

  function link(): FakeLink {
    const last = links.at(-1);
    if (last === undefined) throw new Error('no link was opened');
    return last;
  }

  const emit = (name: string, payload: unknown): void => link().listener.onEvent(name, payload);
  const goLive = (): void => emit('hello', hello);
  const lose = (): void => link().listener.onClose(undefined);

  return {
    clock,
    links,
    link,
    stream,
    states,
    ticks,
    quotes,
    results,
    emit,
    goLive,
    lose,
    /** Loses the connection, and is live on the next one. */
    reconnect: () => {
      lose();
      clock.advance(500);
      goLive();
    },
    /** A tick for each seq. */
    tick: (symbol: string, ...seqs: number[]) => {
      for (const seq of seqs) emit('tick', tickOf(symbol, seq));
    },
    snapshot: (quote: Quote, reason: SnapshotReason = 'subscribe') =>
      emit('snapshot', { quotes: [quote], reason }),
    /** The last subscribe, once what waits for this turn was sent. */
    nextAsk: () => {
      clock.advance(0);
      return link().lastAsk();
    },
    /** Live, subscribed, and each symbol at seq 1 of generation g1. */
    goLiveWith: (...symbols: string[]) => {
      stream.subscribe(symbols);
      goLive();
      emit('snapshot', { quotes: symbols.map((s) => quoteOf(s, 1)), reason: 'subscribe' });
      link().answer();
    },
  };
}

/** A stream that is live and has these symbols, each at seq 1 of generation g1. */
export function createStreamWith(...symbols: string[]) {
  const test = createStreamUnderTest();
  test.goLiveWith(...symbols);
  return test;
}

/** A stream that is live and has asked for these symbols, without an answer yet. */
export function createStreamAsking(...symbols: string[]) {
  const test = createStreamUnderTest();
  test.stream.subscribe(symbols);
  test.goLive();
  return test;
}
