/**
 * The HTTP server of an application. What Node's parser refuses never reaches that: it is answered with a problem all the same, by
 * hand. Knows no route. Keeps SPEC.md [AP8].
 */
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { refusal, type CodeName } from '../../protocol/index.ts';
import type { Log } from '../support/log.ts';
import { refuseSocket } from '../support/raw-refusal.ts';
import { requestIdOf } from '../support/request-id.ts';

/** By the code of Node's error. */
const refusals = new Map<unknown, CodeName>([
  ['HPE_HEADER_OVERFLOW', 'headers_too_large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'payload_too_large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request_timeout'],
]);

/** Gives the server; it listens nowhere yet. */
export function createHttpServer(app: RequestListener, log: Log): Server {
  const server = createServer(app);
  /** Answers that are under way; a connection may bring the next request before it has them. */
  const open = new WeakMap<Duplex, Set<ServerResponse>>();

  server.on('request', ({ socket }, res) => {
    const ofSocket = open.get(socket) ?? new Set();
    open.set(socket, ofSocket.add(res));
    res.once('close', () => ofSocket.delete(res));
  });

  function refuse(socket: Duplex, name: CodeName, why: string, headers: Record<string, string> = {}): void {
    const id = requestIdOf();
    log.debug({ req: { id }, name }, 'a request was not understood');
    refuseSocket(socket, refusal(name, why), { 'X-Request-Id': id, ...headers });
  }

  server.on('clientError', (error: Error & { code?: unknown }, socket) => {
    const isAnswering = [...(open.get(socket) ?? [])].some((res) => res.headersSent || res.req.complete);
    // A second answer within another one would be taken for a part of it, one before it for that of a request that was understood.
    if (!socket.writable || error.code === 'ECONNRESET' || isAnswering) socket.destroy();
    else {
      const name = refusals.get(error.code);
      if (name === undefined) refuse(socket, 'bad_payload', 'this is no well-formed request');
      else refuse(socket, name, refusal(name).message);
    }
  });
  server.on('connect', (_req, socket) =>
    refuse(socket, 'method_not_allowed', 'CONNECT is taken nowhere here', {
      Allow: 'GET, HEAD, PUT, POST, DELETE',
    }),
  );
  // What a caller expects is nothing that it is refused for: Nginx does not even pass it on.
  server.on('checkExpectation', (req, res) => void server.emit('request', req, res));
  return server;
}
