/**
 * In front of Socket.IO in the HTTP server, where a handshake can be refused with a status that proxies and clients
 * understand, which engine.io has no answer for: 503 once it is shut, so that a proxy goes on to the next replica, and 429 for an
 * address that has too much already. Sessions that have their id go on. SPEC.md [DR2], [LM7].
 */
import {
  STATUS_CODES,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { codes } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import type { AddressLimit, AddressLimits } from './address-limits.ts';
import type { Client } from './client-address.ts';
import type { SocketServer } from './socket-server.ts';

export interface Door {
  shut(): void;
  /** Resolves when no request is being answered, or after `limitMs`. */
  quiet(limitMs: number): Promise<void>;
}

export interface DoorOptions {
  httpServer: HttpServer;
  engine: SocketServer['engine'];
  /** Where handshakes come to; every upgrade is one, wherever it comes to. */
  path: string;
  clock: Clock;
  clientOf: (request: IncomingMessage) => Client;
  addressLimits: AddressLimits;
  /** Fires for each handshake that is refused, with its code's name. */
  onRefused: (name: Refused) => void;
}

type Refused = AddressLimit | 'draining';

const drainingRetryS = 1;

function refusalOf(name: Refused, retryAfterS: number) {
  const { code, message, status, retry } = codes[name];
  const type = `urn:tickwire:problem:${name}`;
  const problem = { type, title: message, status, detail: message, code, name, retry };
  const headers = {
    'Content-Type': 'application/problem+json',
    'Retry-After': retryAfterS,
    'Cache-Control': 'no-store',
    // On a kept connection the next try would come here again.
    Connection: 'close',
  };
  return { status, headers, body: JSON.stringify(problem) };
}

function refuse(response: ServerResponse, name: Refused, retryAfterS: number): void {
  const { status, headers, body } = refusalOf(name, retryAfterS);
  response.writeHead(status, headers).end(body);
}

function refuseUpgrade(socket: Duplex, name: Refused, retryAfterS: number): void {
  const { status, headers, body } = refusalOf(name, retryAfterS);
  const head = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body) });
  const lines = head.map(([header, value]) => `${header}: ${value}\r\n`).join('');
  socket.on('error', () => socket.destroy());
  // A peer that keeps its end open keeps nothing of ours.
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}\r\n${body}`);
}

/** Takes the place of the server's `request` and `upgrade` listeners and calls them; so it comes after all of them. */
export function createDoor(options: DoorOptions): Door {
  const { httpServer, engine, path, clock, clientOf, addressLimits, onRefused } = options;
  let isShut = false;
  let answering = 0;
  let onQuiet: (() => void) | null = null;
  /** Polling handshakes that no connection was made of yet. */
  const entered = new Map<IncomingMessage, () => void>();

  function answered(): void {
    answering--;
    if (answering === 0) onQuiet?.();
  }

  function isAtPath({ url }: IncomingMessage): boolean {
    return url?.split('?', 1)[0] === path;
  }

  function hasSession(request: IncomingMessage): boolean {
    return isAtPath(request) && /[?&]sid=/.test(request.url ?? '');
  }

  /**
   * Lets the handshake in, with what is to be called when its connection has ended, or refuses it. One without limits
   * gets its answer in this turn.
   */
  async function enter(
    request: IncomingMessage,
    letIn: (leave: (() => void) | null) => void,
    turnAway: (name: Refused, retryAfterS: number) => void,
  ): Promise<void> {
    if (isShut) {
      onRefused('draining');
      turnAway('draining', drainingRetryS);
      return;
    }
    const { key, isTrusted } = clientOf(request);
    if (isTrusted) {
      letIn(null);
      return;
    }
    const entry = await addressLimits.enter(key);
    if (entry.ok) letIn(entry.leave);
    else {
      onRefused(entry.limit);
      turnAway(entry.limit, entry.retryAfterS);
    }
  }

  const onRequest = httpServer.listeners('request');
  httpServer.removeAllListeners('request');
  httpServer.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answering++;
    response.once('close', answered);
    const pass = (): void => {
      for (const listener of onRequest) Reflect.apply(listener, httpServer, [request, response]);
    };
    if (isAtPath(request) && !hasSession(request) && request.method !== 'OPTIONS')
      void enter(
        request,
        (leave) => {
          if (leave !== null) {
            entered.set(request, leave);
            response.once('close', () => {
              if (entered.delete(request)) leave();
            });
          }
          pass();
        },
        (name, retryAfterS) => refuse(response, name, retryAfterS),
      );
    else {
      if (isShut && !hasSession(request)) response.setHeader('Connection', 'close');
      pass();
    }
  });
  engine.on('connection', (connection) => {
    const leave = entered.get(connection.request);
    if (leave === undefined) return;
    entered.delete(connection.request);
    connection.once('close', leave);
  });

  const onUpgrade = httpServer.listeners('upgrade');
  httpServer.removeAllListeners('upgrade');
  httpServer.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const pass = (): void => {
      for (const listener of onUpgrade) Reflect.apply(listener, httpServer, [request, socket, head]);
    };
    if (hasSession(request)) pass();
    else
      void enter(
        request,
        (leave) => {
          if (leave !== null) socket.once('close', leave);
          pass();
        },
        (name, retryAfterS) => refuseUpgrade(socket, name, retryAfterS),
      );
  });

  return {
    shut: () => void (isShut = true),
    quiet: (limitMs) =>
      new Promise((resolve) => {
        if (answering === 0) {
          resolve();
          return;
        }
        const cancel = clock.after(limitMs, resolve);
        onQuiet = () => {
          cancel();
          resolve();
        };
      }),
  };
}
