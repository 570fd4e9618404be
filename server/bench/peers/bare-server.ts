/**
 * The opening that `ws` and `floor` share: a plain ws server which speaks as much Socket.IO as the driver's clients, so that
 * they cannot tell one peer from another. It is over before anything is measured.
 */
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { listen } from '../../src/support/listen.ts';

/** A client that has subscribed; `socket` is the TCP connection below it. */
export interface BareClient {
  ws: WebSocket;
  socket: Socket;
  symbols: readonly string[];
}

/** Listens on a free port. `onSubscribed` fires for each client before it is answered. */
export async function startBareServer({
  onSubscribed,
}: {
  onSubscribed: (client: BareClient) => void;
}): Promise<number> {
  const httpServer = createServer();
  const server = new WebSocketServer({ server: httpServer, perMessageDeflate: false });
  server.on('connection', (ws, request) => {
    const { socket } = request;
    ws.send('0{}');
    ws.on('message', (message: Buffer) => {
      const text = message.toString();
      if (text === '40') ws.send('40{}');
      else if (text.startsWith('420[')) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the driver is ours
        const [, symbols] = JSON.parse(text.slice(3)) as [string, string[]];
        onSubscribed({ ws, socket, symbols });
        ws.send('430[{"ok":true}]');
      }
    });
  });
  return listen(httpServer, { port: 0, host: '127.0.0.1' });
}
