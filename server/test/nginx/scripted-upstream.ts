/** A stand-in for a replica that says its own name and what it was asked, or answers as a test scripts it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { Socket } from 'node:net';

/** One request as the upstream saw it. */
export interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
}

export interface ScriptedUpstream {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Every request and upgrade so far, oldest first. */
  readonly seen: Seen[];
  /** How the next requests are answered; null answers with 200 and the name. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  /** The status that refuses upgrades; null accepts them. */
  refuseUpgrade: number | null;
  close(): Promise<void>;
}

/** Listens on a free port, or on `port` again. An accepted upgrade sends the name and keeps the socket open. */
export async function createScriptedUpstream(name: string, port = 0): Promise<ScriptedUpstream> {
  const host = '127.0.0.1';
  const seen: Seen[] = [];
  const upgraded = new Set<Socket>();
  const note = ({ method = '', url = '', headers }: IncomingMessage) => seen.push({ method, url, headers });

  const server = createServer((request, response) => {
    note(request);
    if (upstream.answer !== null) upstream.answer(request, response);
    else response.setHeader('content-type', 'text/plain').end(name);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    note(request);
    upgraded.add(socket);
    socket.on('error', () => {}); // A test may cut the line at any moment.
    socket.on('close', () => upgraded.delete(socket));
    if (upstream.refuseUpgrade !== null) {
      socket.end(
        `HTTP/1.1 ${upstream.refuseUpgrade} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      return;
    }
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.write(name);
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server must have a port');

  const upstream: ScriptedUpstream = {
    name,
    host,
    port: address.port,
    seen,
    answer: null,
    refuseUpgrade: null,
    close: async () => {
      if (!server.listening) return;
      for (const socket of upgraded) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return upstream;
}
