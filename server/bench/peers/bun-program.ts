/**
 * The process of the peer `bun`, which runs in Bun: a WebSocket server with a topic per symbol and one `publish` per tick. Topics
 * and writes are those of uWebSockets.
 */
import { tickMessage } from '../script.ts';
import { someGen, type Peer } from './peer.ts';
import { servePeer } from './serve-peer.ts';

/** What is used of Bun's own API. */
interface BunSocket {
  send(text: string): number;
  subscribe(topic: string): void;
}
interface BunServer {
  readonly port: number;
  publish(topic: string, text: string): number;
  upgrade(request: Request): boolean;
}
declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    fetch: (request: Request, server: BunServer) => Response | undefined;
    websocket: {
      open: (socket: BunSocket) => void;
      message: (socket: BunSocket, text: string | Buffer) => void;
    };
  }): BunServer;
};

/** Speaks as much Socket.IO as the driver's clients need to join and subscribe. */
function createBunPeer(): Peer {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request, listening) =>
      listening.upgrade(request) ? undefined : new Response(null, { status: 400 }),
    websocket: {
      open: (socket) => void socket.send('0{}'),
      message: (socket, message) => {
        const text = String(message);
        if (text === '40') socket.send('40{}');
        else if (text.startsWith('420[')) {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the driver is ours
          const [, symbols] = JSON.parse(text.slice(3)) as [string, string[]];
          for (const symbol of symbols) socket.subscribe(symbol);
          socket.send('430[{"ok":true}]');
        }
      },
    },
  });
  return {
    port: server.port,
    gen: someGen,
    turn: (ticks) => {
      for (const tick of ticks) server.publish(tick.symbol, tickMessage(tick));
    },
  };
}

servePeer(() => Promise.resolve(createBunPeer()));
