/**
 * The Socket.IO server as Tickwire runs it: who may connect, how large a message may be, how the dead are found.
 * Knows nothing of symbols. Keeps SPEC.md [CN1] to [CN3].
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { Server, type DefaultEventsMap } from 'socket.io';
import type { ServerEvents } from '../../protocol/index.ts';
import type { SocketData } from './identify.ts';
import { textParser } from './json-text.ts';
import { queryOf } from './query.ts';
import { createTokens } from './tokens.ts';

/** What a client may emit: anything, so everything is `unknown` until it is parsed. */
type AnyEvents = Record<string, (...args: unknown[]) => void>;

export type SocketServer = Server<AnyEvents, ServerEvents, DefaultEventsMap, SocketData>;

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

export function createSocketServer(options: SocketServerOptions): SocketServer {
  const { httpServer, corsOrigins, pingIntervalMs, pingTimeoutMs, connectTimeoutMs, maxMessageBytes } =
    options;
  const isAllowedOrigin = createOriginRule(corsOrigins);
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
      // CORS headers do not stop a WebSocket, so the origin is checked here.
      else if (!isAllowedOrigin(request)) decide('origin_not_allowed', false);
      else {
        if (isUpgrade(request)) writeTurnTogether(request.socket);
        decide(null, true);
      }
    },
  });
  const token = createTokens();
  server.engine.generateId = () => token(idBytes);
  httpServer.prependListener('upgrade', readQuery);
  return server;
}

/** engine.io takes a query that was read before, and would take an URL apart for it, which takes longer than all else here. */
function readQuery(request: IncomingMessage): void {
  Object.assign(request, { _query: queryOf(request.url ?? '') });
}

/** The answer to an upgrade and what engine.io says first leave in one write, which costs more than what is in it. */
function writeTurnTogether(socket: Socket): void {
  socket.cork();
  setImmediate(() => socket.uncork());
}

function isForSockets({ url = '' }: IncomingMessage): boolean {
  return url.startsWith(socketPath) && (url.length === socketPath.length || url[socketPath.length] === '?');
}

/** Tells whether the page that asks, where one does, may connect; `origins` may be `*` for all. */
export function createOriginRule(origins: readonly string[]): (request: IncomingMessage) => boolean {
  const everyOrigin = origins.includes('*');
  return (request) => everyOrigin || isOwnOrigin(request) || origins.includes(request.headers.origin ?? '');
}

function isUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined;
}

/** Whether no page asks, or a page that this very host served. */
function isOwnOrigin({ headers: { origin, host } }: IncomingMessage): boolean {
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
