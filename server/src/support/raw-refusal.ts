/**
 * Answers with a problem what reaches no application: a request, and a socket, on which Node leaves the answer to be written by
 * hand. Decides nothing. SPEC.md [PW1], [LM7], [DR2], [AP8].
 */
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { problemOf, problemType, type Refusal } from '../../protocol/index.ts';

/** What an answer has besides those that each refusal has. */
export type MoreHeaders = Readonly<Record<string, string>>;

function answerOf(why: Refusal, more: MoreHeaders) {
  const { status, body } = problemOf(why);
  const headers = {
    'Content-Type': problemType,
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    ...(status === 503 && { 'Retry-After': '1' }),
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer realm="tickwire"' }),
    // On a kept connection the next try would come here again.
    Connection: 'close',
    ...more,
  };
  return { status, body, headers };
}

/** Answers a request. */
export function refuseRequest(response: ServerResponse, why: Refusal, more: MoreHeaders = {}): void {
  const { status, body, headers } = answerOf(why, more);
  response.writeHead(status, headers).end(body);
}

/** Answers what came over a socket that has no answer under way, and ends the connection. */
export function refuseSocket(socket: Duplex, why: Refusal, more: MoreHeaders = {}): void {
  const { status, body, headers } = answerOf(why, more);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => socket.destroy());
  // A peer that keeps its end open keeps nothing of ours.
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}
