/**
 * In front of Socket.IO in the HTTP server: once it is shut, new handshakes are answered 503 with Retry-After, so that a
 * proxy goes on to the next replica, which engine.io has no answer for. Sessions that have their id go on. SPEC.md [DR2].
 */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { problemOf, problemType, refusal } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';

export interface Door {
  shut(): void;
  /** Resolves when no request is being answered, or after `limitMs`. */
  quiet(limitMs: number): Promise<void>;
}

const retryAfterS = 1;

const { status, body: problem } = problemOf(refusal('draining'));

const refusedUpgrade = [
  'HTTP/1.1 503 Service Unavailable',
  `Retry-After: ${retryAfterS}`,
  'Cache-Control: no-store',
  'Connection: close',
  'Content-Length: 0',
  '\r\n',
].join('\r\n');

function hasSession({ url = '' }: IncomingMessage): boolean {
  return /[?&]sid=/.test(url);
}

/** Takes the place of the server's `request` and `upgrade` listeners and calls them; so it comes after all of them. */
export function createDoor({
  httpServer,
  path,
  clock,
}: {
  httpServer: HttpServer;
  /** Where handshakes come to. */
  path: string;
  clock: Clock;
}): Door {
  let isShut = false;
  let answering = 0;
  let onQuiet: (() => void) | null = null;

  function answered(): void {
    answering--;
    if (answering === 0) onQuiet?.();
  }

  function isHandshake(request: IncomingMessage): boolean {
    return request.url?.split('?', 1)[0] === path && !hasSession(request) && request.method !== 'OPTIONS';
  }

  const onRequest = httpServer.listeners('request');
  httpServer.removeAllListeners('request');
  httpServer.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answering++;
    response.once('close', answered);
    if (isShut && !hasSession(request)) {
      // On a kept connection the next try would come here again.
      response.setHeader('Connection', 'close');
      if (isHandshake(request)) {
        response
          .writeHead(status, {
            'Content-Type': problemType,
            'Retry-After': retryAfterS,
            'Cache-Control': 'no-store',
          })
          .end(problem);
        return;
      }
    }
    for (const listener of onRequest) Reflect.apply(listener, httpServer, [request, response]);
  });

  const onUpgrade = httpServer.listeners('upgrade');
  httpServer.removeAllListeners('upgrade');
  httpServer.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isShut && !hasSession(request)) {
      socket.on('error', () => socket.destroy());
      socket.end(refusedUpgrade);
      return;
    }
    for (const listener of onUpgrade) Reflect.apply(listener, httpServer, [request, socket, head]);
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
