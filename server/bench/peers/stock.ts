/**
 * The peer `stock`: Socket.IO as its documentation shows it, a room per symbol and one emit per tick. Alone with the adapter in
 * memory, or as a replica with the Redis adapter that takes prices over HTTP.
 */
import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { tickRoom, type Tick } from '../../protocol/index.ts';
import { listen } from '../../src/support/listen.ts';
import { someGen, type Peer } from './peer.ts';

/** Listens on a free port. A client that joins receives ticks from then on, and no snapshot. */
export async function createStockPeer(): Promise<Peer> {
  const httpServer = createServer();
  const io = createStockServer(httpServer);
  return {
    port: await listen(httpServer, { port: 0, host: '127.0.0.1' }),
    gen: someGen,
    turn: (ticks) => emit(io, ticks),
  };
}

/** One of a cluster: `PUT /api/ticks` with a list of ticks emits them to all. */
export async function createStockReplica({ redisUrl }: { redisUrl: string }): Promise<Peer> {
  const publisher = createClient({ url: redisUrl });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const httpServer = createServer((request, response) => {
    void take(request).then(() => response.end());
  });
  const io = createStockServer(httpServer);
  io.adapter(createAdapter(publisher, subscriber));
  async function take(request: IncomingMessage): Promise<void> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the benchmark is ours
    emit(io, JSON.parse(await bodyOf(request)) as Tick[]);
  }
  return {
    port: await listen(httpServer, { port: 0, host: '127.0.0.1' }),
    gen: someGen,
    turn: (ticks) => emit(io, ticks),
  };
}

function createStockServer(httpServer: HttpServer): Server {
  const io = new Server(httpServer);
  io.on('connection', (socket) => {
    socket.on('subscribe', async (symbols: string[], answer: (result: { ok: true }) => void) => {
      await socket.join(symbols.map((symbol) => tickRoom(symbol)));
      answer({ ok: true });
    });
  });
  return io;
}

function emit(io: Server, ticks: readonly Tick[]): void {
  for (const tick of ticks) io.to(tickRoom(tick.symbol)).emit('tick', tick);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const piece of request) body += String(piece);
  return body;
}
