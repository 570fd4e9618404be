/**
 * A server that speaks the wire and says what a test tells it to: for states of the page that true replicas do not
 * show on demand. Serves the built page.
 */
import { createServer } from 'node:http';
import { join } from 'node:path';
import express from 'express';
import { Server } from 'socket.io';
import { z } from 'zod';
import {
  refusal,
  type ClusterStatistics,
  type FeedState,
  type Quote,
  type Refusal,
  type SubscribeResult,
  type Tick,
} from '../../protocol/index.ts';

export interface ScriptedServer {
  url: string;
  /** The cid of each connection, in order. */
  cids: string[];
  /** What was subscribed to on the newest connection. */
  subscribed: Set<string>;
  /** Sends the next tick of the symbol to everybody. */
  tick(symbol: string, price: string, more?: Partial<Tick>): void;
  /** Counts a tick that nobody gets. */
  lose(symbol: string): void;
  feed(feed: Partial<FeedState>): void;
  /** Tells everybody who watches of these replicas, and whoever watches later. */
  cluster(nodes: ClusterStatistics['nodes']): void;
  /** Stops or resumes heartbeats. */
  beat(isBeating: boolean): void;
  /** Refuses everybody who is connected, and drops them. */
  refuse(why: Refusal): void;
  close(): Promise<void>;
}

const policy = "default-src 'self'; img-src 'self' data:; connect-src 'self' ws:; base-uri 'none'";
const request = z.object({ symbols: z.array(z.string()) });

/** `quotes` are the prices to begin with; `unpriced` are listed without one. The page gets the strict policy that it must live with. */
export async function startScriptedServer(quotes: Quote[], unpriced: string[] = []): Promise<ScriptedServer> {
  const bySymbol = new Map(quotes.map((quote) => [quote.symbol, quote]));
  const listed = new Set([...bySymbol.keys(), ...unpriced]);
  let feed: FeedState = {
    state: 'live',
    since: Date.now(),
    reason: '',
    sources: [{ name: 'script', state: 'live', symbols: [...listed] }],
  };
  let nodes: ClusterStatistics['nodes'] = [];
  const app = express();
  app.use((_request, response, next) => {
    response.setHeader('Content-Security-Policy', policy);
    next();
  });
  app.use(express.static(join(import.meta.dirname, '../../../dist/client')));
  const http = createServer(app);
  const io = new Server(http);
  const cids: string[] = [];
  const subscribed = new Set<string>();

  function resultOf(symbol: string): SubscribeResult {
    if (!listed.has(symbol)) return { ok: false, ...refusal('unknown_symbol') };
    const seq = bySymbol.get(symbol)?.seq ?? 0;
    return { ok: true, gen: 'script', seq, everyMs: 0, recovered: false, replayed: 0 };
  }

  io.on('connection', (socket) => {
    cids.push(String(socket.handshake.query['cid']));
    subscribed.clear();
    socket.emit('hello', { session: socket.id, node: `script-${cids.length}`, user: null, secret: '' });
    socket.emit('feed', feed);
    socket.on('subscribe', (payload: unknown, answer: (ack: unknown) => void) => {
      const { symbols } = request.parse(payload);
      const found = symbols.map((symbol) => bySymbol.get(symbol)).filter((quote) => quote !== undefined);
      for (const symbol of symbols) subscribed.add(symbol);
      socket.emit('snapshot', { quotes: found, reason: 'subscribe' });
      const results = Object.fromEntries(symbols.map((symbol) => [symbol, resultOf(symbol)]));
      answer({ ok: true, symbols: [...subscribed], results });
    });
    socket.on('watch', (topics: unknown) => {
      socket.emit('cluster', { at: Date.now(), nodes });
      void socket.join(z.array(z.string()).parse(topics));
    });
    socket.on('unsubscribe', (symbols: unknown) => {
      for (const symbol of z.array(z.string()).parse(symbols)) subscribed.delete(symbol);
    });
  });

  let isBeating = true;
  const beats = setInterval(() => {
    if (isBeating) io.emit('heartbeat', { at: Date.now() });
  }, 500);

  function nextOf(symbol: string, price: string): Quote {
    const day = { open: price, high: price, low: price, volume: '0', stale: false };
    const before = bySymbol.get(symbol) ?? { ...day, symbol, gen: 'script', seq: 0 };
    const quote = { ...before, price, seq: before.seq + 1, ts: Date.now() };
    bySymbol.set(symbol, quote);
    return quote;
  }

  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');

  return {
    url: `http://127.0.0.1:${address.port}/`,
    cids,
    subscribed,
    tick: (symbol, price, more) => {
      const { gen, seq, ts } = nextOf(symbol, price);
      io.emit('tick', { symbol, price, gen, seq, ts, ...more });
    },
    lose: (symbol) => void nextOf(symbol, bySymbol.get(symbol)?.price ?? '1'),
    feed: (change) => {
      feed = { ...feed, since: Date.now(), ...change };
      io.emit('feed', feed);
    },
    cluster: (next) => {
      nodes = next;
      io.to('cluster').emit('cluster', { at: Date.now(), nodes });
    },
    beat: (next) => {
      isBeating = next;
    },
    refuse: (why) => {
      io.emit('refused', why);
    },
    close: async () => {
      clearInterval(beats);
      await io.close();
    },
  };
}
