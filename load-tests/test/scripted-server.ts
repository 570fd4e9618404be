/**
 * A true Socket.IO server that speaks the wire and lies where it is told to, so that the load test can be seen to notice.
 * Knows nothing of the real server.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Server, type Socket } from 'socket.io';
import {
  limits,
  refusal,
  type Quote,
  type ServerEvents,
  type SubscribeAck,
  type SubscribeRequest,
  type Tick,
  type UnsubscribeAck,
} from '../../server/protocol/index.ts';

/** What is wrong with the server; a lie about one tick is told to each user once. */
export type Lie =
  | 'none'
  | 'leaves out a seq'
  | 'repeats a tick'
  | 'refuses'
  | 'never answers'
  | 'never ticks'
  | 'forgets a symbol'
  | 'goes silent'
  | 'hangs up';

export interface ScriptedServer {
  url: string;
  close(): Promise<void>;
}

interface ClientCalls {
  subscribe: (request: string[] | SubscribeRequest, ack: (answer: SubscribeAck) => void) => void;
  unsubscribe: (symbols: string[], ack: (answer: UnsubscribeAck) => void) => void;
}

const symbols = ['AAA-USD', 'BBB-USD', 'CCC-USD', 'DDD-USD', 'EEE-USD', 'FFF-USD', 'GGG-USD'];
const tickEveryMs = 100;
/** The lie is told with the tick after this many. */
const honestTicks = 8;
const gen = 'abc123';

export async function startScriptedServer(lie: Lie): Promise<ScriptedServer> {
  const httpServer = createServer((_request, response) => response.end('{"status":"ok"}'));
  const io = new Server<ClientCalls, ServerEvents>(httpServer, { serveClient: false });
  let seq = 100;

  io.on('connection', (socket) => {
    socket.emit('hello', { session: socket.id, node: 'scripted', user: null, secret: 'none' });
    if (lie === 'refuses') {
      socket.emit('refused', refusal('draining'));
      socket.conn.close();
      return;
    }
    const sources = [{ name: 'scripted', state: 'live' as const, symbols }];
    socket.emit('feed', { state: 'live', since: Date.now(), reason: '', sources });
    talkTo(socket);
  });

  function talkTo(socket: Socket<ClientCalls, ServerEvents>): void {
    const listensTo = new Set<string>();
    let ticks = 0;

    socket.on('subscribe', (request, ack) => {
      const wanted = Array.isArray(request) ? request : request.symbols;
      if (lie === 'never answers') return;
      for (const symbol of wanted) listensTo.add(symbol);
      const result = { ok: true, gen, seq, everyMs: 0, recovered: false, replayed: 0 } as const;
      ack({
        ok: true,
        symbols: [...listensTo],
        results: Object.fromEntries(wanted.map((symbol) => [symbol, result])),
      });
      socket.emit('snapshot', { quotes: wanted.map((symbol) => quoteOf(symbol, seq)), reason: 'subscribe' });
    });
    socket.on('unsubscribe', (unwanted, ack) => {
      for (const symbol of unwanted) listensTo.delete(symbol);
      ack({ ok: true, symbols: [...listensTo] });
    });

    const onTick = (): void => {
      if (lie === 'never ticks' || listensTo.size === 0) return;
      ticks++;
      if (lie === 'goes silent' && ticks > honestTicks) return;
      const [first] = listensTo;
      for (const symbol of listensTo) {
        const lies = ticks === honestTicks && symbol === first;
        if (lies && lie === 'leaves out a seq') continue;
        if (lie === 'forgets a symbol' && ticks > honestTicks && symbol === first) continue;
        socket.emit('tick', tickOf(symbol, seq));
        if (lies && lie === 'repeats a tick') socket.emit('tick', tickOf(symbol, seq));
        if (lies && lie === 'hangs up') socket.conn.close();
      }
    };
    rounds.add(onTick);
    const heartbeat = setInterval(() => {
      if (lie !== 'goes silent') socket.emit('heartbeat', { at: Date.now() });
    }, limits.heartbeatMs);
    socket.once('disconnect', () => {
      rounds.delete(onTick);
      clearInterval(heartbeat);
    });
  }

  const rounds = new Set<() => void>();
  const ticking = setInterval(() => {
    seq++;
    for (const round of rounds) round();
  }, tickEveryMs);

  httpServer.listen(0, '127.0.0.1');
  await once(httpServer, 'listening');
  const address = httpServer.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server must have a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      clearInterval(ticking);
      await io.close();
    },
  };
}

function tickOf(symbol: string, seq: number): Tick {
  return { symbol, price: '10.50', gen, seq, ts: Date.now() };
}

function quoteOf(symbol: string, seq: number): Quote {
  return { ...tickOf(symbol, seq), open: '10.00', high: '11.00', low: '9.50', volume: '0', stale: false };
}
