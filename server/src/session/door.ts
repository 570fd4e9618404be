/**
 * In front of Socket.IO in the HTTP server, where a handshake can be refused with a status that proxies and clients
 * understand, which engine.io has no answer for: 503 once it is shut, so that a proxy goes on to the next replica, 403 for a
 * page of an origin that is not allowed, and 429 for an address that has too much already. Sessions that have their id go on.
 * SPEC.md [CN1], [DR2], [LM7].
 */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { refusal, type CodeName } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import type { AddressLimits } from './address-limits.ts';
import type { Client } from '../support/client-address.ts';
import type { Origins } from './origins.ts';
import { readQuery } from './query.ts';
import { refuseRequest, refuseSocket, type MoreHeaders } from '../support/raw-refusal.ts';
import type { SocketServer } from './socket-server.ts';

/** What a replica that leaves does at its door; once shut it stays shut. */
export interface Door {
  shut(): void;
  /** Resolves when no request is being answered, or after `limitMs`. */
  quiet(limitMs: number): Promise<void>;
}

/** What the door stands in front of, and whom it asks about each handshake. */
export interface DoorOptions {
  httpServer: HttpServer;
  engine: SocketServer['engine'];
  /** Where handshakes come to; every upgrade is one, wherever it comes to. */
  path: string;
  clock: Clock;
  clientOf: (request: IncomingMessage) => Client;
  origins: Origins;
  addressLimits: AddressLimits;
  /** Fires for each handshake that is refused, with its code's name. */
  onRefused: (name: CodeName) => void;
}

type TurnAway = (name: CodeName, more: MoreHeaders) => void;

/** What engine.io answers for a session; to any other method it says 500. OPTIONS is answered for pages that ask. */
const methods: ReadonlySet<string | undefined> = new Set(['GET', 'POST', 'OPTIONS']);

/** A session as a proxy in front reads it, in any case: what engine.io then sees none in would pass it as no handshake. */
const namesSession = /[?&]sid=[^&]/i;

/** Takes the place of the server's `request` and `upgrade` listeners and calls them; so it comes after all of them. */
export function createDoor(options: DoorOptions): Door {
  const { httpServer, engine, path, clock, clientOf, origins, addressLimits, onRefused } = options;
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

  /** As engine.io finds it, or what is no session to it would be no handshake here. */
  function hasSession(request: IncomingMessage): boolean {
    return isAtPath(request) && (readQuery(request)['sid'] ?? '') !== '';
  }

  /** Why it is refused, whoever it is of. */
  function refusedName(request: IncomingMessage): CodeName | null {
    if (isShut) return 'draining';
    if (namesSession.test(request.url ?? '') && isAtPath(request)) return 'bad_payload';
    return origins.mayConnect(request) ? null : 'origin_not_allowed';
  }

  /**
   * Lets the handshake in, with what is to be called when its connection has ended, or refuses it. One without limits
   * gets its answer in this turn.
   */
  async function enter(
    request: IncomingMessage,
    letIn: (leave: (() => void) | null) => void,
    turnAway: TurnAway,
  ): Promise<void> {
    const refuse: TurnAway = (name, more) => {
      onRefused(name);
      turnAway(name, { ...origins.headersFor(request), ...more });
    };
    const name = refusedName(request);
    if (name !== null) {
      refuse(name, {});
      return;
    }
    const { key, isTrusted } = clientOf(request);
    if (isTrusted) {
      letIn(null);
      return;
    }
    const entry = await addressLimits.enter(key);
    if (entry.ok) letIn(entry.leave);
    else refuse(entry.limit, { 'Retry-After': String(entry.retryAfterS) });
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
        (name, more) => refuseRequest(response, refusal(name), more),
      );
    else if (isAtPath(request) && !methods.has(request.method))
      refuseRequest(response, refusal('method_not_allowed'), { Allow: 'GET, POST' });
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
        (name, more) => refuseSocket(socket, refusal(name), more),
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
