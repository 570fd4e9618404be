/**
 * The Socket.IO server as Tickwire runs it: where it takes handshakes, how large a message may be, how the dead are found.
 * Knows nothing of symbols; which pages may connect is the door's. Keeps SPEC.md [CN1] to [CN3].
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { Server, type DefaultEventsMap } from 'socket.io';
import type { ServerEvents } from '../../protocol/index.ts';
import type { SocketData } from './identify.ts';
import { textParser } from './json-text.ts';
import { createTokens } from './tokens.ts';

/** What a client may emit: anything, so everything is `unknown` until it is parsed. */
type AnyEvents = Record<string, (...args: unknown[]) => void>;

/** Socket.IO's server with our events: those that it sends are typed, those of clients are not believed. */
export type SocketServer = Server<AnyEvents, ServerEvents, DefaultEventsMap, SocketData>;

/** How connections are taken and kept, the same over polling and WebSocket; a message too large ends its connection. */
export interface SocketServerOptions {
  httpServer: HttpServer;
  /** Origins whose pages may connect besides our own; `*` for all. */
  corsOrigins: readonly string[];
  pingIntervalMs: number;
  pingTimeoutMs: number;
  /** Milliseconds that a connection has to join the namespace. */
  connectTimeoutMs: number;
  maxMessageBytes: number;
}

/** Of an Engine.IO connection's id, as many as engine.io's own has. */
const idBytes = 15;

/** Where handshakes come to. */
export const socketPath = '/socket.io/';

/** Attaches to the HTTP server, so handshakes come as soon as that one listens; refuses none for its origin. */
export function createSocketServer(options: SocketServerOptions): SocketServer {
  const { httpServer, corsOrigins, pingIntervalMs, pingTimeoutMs, connectTimeoutMs, maxMessageBytes } =
    options;
  const everyOrigin = corsOrigins.includes('*');
  const server = new Server<AnyEvents, ServerEvents, DefaultEventsMap, SocketData>(httpServer, {
    path: socketPath,
    pingInterval: pingIntervalMs,
    pingTimeout: pingTimeoutMs,
    connectTimeout: connectTimeoutMs,
    maxHttpBufferSize: maxMessageBytes,
    // Memory: ten times as much a socket with it (DESIGN section 9), for frames that hardly shrink.
    perMessageDeflate: false,
    // Upgrades to other addresses are answered by who takes plain WebSockets.
    destroyUpgrade: false,
    parser: textParser,
    ...(corsOrigins.length > 0 && {
      cors: { origin: everyOrigin ? '*' : [...corsOrigins], methods: ['GET', 'POST'] },
    }),
    allowRequest: (request, decide) => {
      if (!isForSockets(request)) decide('not_found', false);
      // engine.io says so too late: as HTTP in what is a WebSocket by then.
      else if (isUpgrade(request) && !/[?&]EIO=4(&|$)/.test(request.url ?? ''))
        decide('Unsupported protocol version', false);
      else {
        if (isUpgrade(request)) writeTurnTogether(request.socket);
        decide(null, true);
      }
    },
  });
  const token = createTokens();
  server.engine.generateId = () => token(idBytes);
  return server;
}

/** The answer to an upgrade and what engine.io says first leave in one write, which costs more than what is in it. */
function writeTurnTogether(socket: Socket): void {
  socket.cork();
  setImmediate(() => socket.uncork());
}

function isForSockets({ url = '' }: IncomingMessage): boolean {
  return url.startsWith(socketPath) && (url.length === socketPath.length || url[socketPath.length] === '?');
}

function isUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined;
}
