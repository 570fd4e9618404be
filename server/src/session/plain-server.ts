/**
 * Takes plain WebSockets at `/stream`: judges the request, answers what is refused as HTTP, and opens the rest. Knows neither
 * what a session is nor Socket.IO, to whose own addresses other upgrades are left. Keeps SPEC.md [PW1], [PW2], [PW6], [PW7].
 */
import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { refusal, type Refusal } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { SignInRefused, type AuthenticateRequest, type Identity } from '../users/identity.ts';
import type { SeatTaker } from '../users/seat.ts';
import type { Arrivals } from './arrivals.ts';
import { closeCodes, PlainConnection } from './plain-connection.ts';
import { PlainSocket } from './plain-socket.ts';
import { refuseSocket, type MoreHeaders } from '../support/raw-refusal.ts';
import { parseCid } from './seating.ts';
import { parseStreamRequest, type StreamRequest } from './stream-request.ts';
import type { Streams } from './streams.ts';
import { createTokens } from './tokens.ts';

/** What plain clients share with those of Socket.IO: the HTTP server, sign-in, seats and streams. */
export interface PlainServerOptions {
  httpServer: HttpServer;
  clock: Clock;
  log: Log;
  /** Upgrades to what begins so are another's. */
  otherPath: string;
  maxMessageBytes: number;
  /** A peer is asked after so long a silence, and is gone after so long without an answer. */
  pingIntervalMs: number;
  pingTimeoutMs: number;
  /** Null where it is listed. */
  whyUnlisted: (symbol: string) => 'unknown_symbol' | 'retired' | null;
  /** Says who a client is that asks. */
  authenticate: AuthenticateRequest;
  /** Null where users may have any number of connections. */
  seats: SeatTaker | null;
  arrivals: Pick<Arrivals, 'add'>;
  streams: Pick<Streams, 'join' | 'leave'>;
  /** Fires for each client that is refused once connected, with the code's name. */
  onClientRefused: (name: string) => void;
  /** Fires for each connection that opened, with the request that it came by. */
  onConnection: (connection: PlainConnection, request: IncomingMessage) => void;
  /** Fires for each client that came, once it may be written to. */
  onSocket: (socket: PlainSocket) => void;
}

/** Events as engine.io's server has them: `connection`, `flush` with a connection and its packets, `connection_error`. */
export class PlainEngine extends EventEmitter {
  readonly connections = new Set<PlainConnection>();

  get clientsCount(): number {
    return this.connections.size;
  }

  admit(connection: PlainConnection): void {
    this.connections.add(connection);
    connection.once('close', () => void this.connections.delete(connection));
    connection.on('flush', (packets: unknown) => void this.emit('flush', connection, packets));
    this.emit('connection', connection);
  }
}

/** Where plain clients come from. `close` lets in no more, and ends none of those that are here. */
export interface PlainServer {
  readonly engine: PlainEngine;
  close(): void;
}

/** The seat of a connection that may not be there yet. */
interface PlainSeat {
  /** Why it is without one, or is to end for another reason. */
  lost: Refusal | null;
  leave: () => void;
  onLost: (why: Refusal) => void;
  /** To be called once the connection has its session, or none is made of it. */
  arrived: () => void;
}

/** How often is looked for peers that are silent, in milliseconds. */
const watchMs = 1_000;
const idBytes = 15;
/** Browsers cannot send headers with a WebSocket: there a token follows this as a second subprotocol. */
const bearerProtocol = 'bearer';

/** Listens to upgrades from now on. */
export function createPlainServer(options: PlainServerOptions): PlainServer {
  const { httpServer, clock, log, otherPath, maxMessageBytes } = options;
  const { authenticate, whyUnlisted, seats, arrivals, streams } = options;
  const engine = new PlainEngine();
  const makeId = createTokens();
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Memory: ten times as much a socket with it (DESIGN section 9), for frames that hardly shrink.
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    handleProtocols: (protocols) => (protocols.has(bearerProtocol) ? bearerProtocol : false),
  });
  webSockets.on('wsClientError', (error: Error, socket: Duplex) =>
    // RFC 6455, 4.4: who speaks another version is told which one is spoken here.
    refuse(socket, refusal('bad_payload', error.message), { 'Sec-WebSocket-Version': '13' }),
  );

  function refuse(socket: Duplex, why: Refusal, more?: MoreHeaders): void {
    engine.emit('connection_error', why);
    refuseSocket(socket, why, more);
  }

  /** Who asks, or why nobody is let in. */
  async function identify(request: IncomingMessage, { query }: StreamRequest): Promise<Identity | Refusal> {
    const token = tokenIn(request.headers['sec-websocket-protocol']);
    const userId = query.get('user');
    try {
      return await authenticate(request, {
        ...(token !== undefined && { token }),
        ...(userId !== null && { userId }),
      });
    } catch (error) {
      if (error instanceof SignInRefused) return error.refusal;
      throw error;
    }
  }

  /** A user's seat, where there are any; `lost` says why there is none, at first or since. */
  async function takeSeat({ user }: Identity, { query }: StreamRequest, socket: Duplex): Promise<PlainSeat> {
    const seat: PlainSeat = { lost: null, leave: () => {}, onLost: () => {}, arrived: () => {} };
    if (user === null) return seat;
    const lose = (why: Refusal): void => {
      seat.lost = why;
      seat.onLost(why);
    };
    const refused = new Promise<void>((resolve) => {
      seat.arrived = arrivals.add(user, (why) => {
        if (socket.destroyed) return false;
        lose(why);
        resolve();
        return true;
      });
    });
    const sit = async (): Promise<void> => {
      const cid = parseCid(query.get('cid'));
      const leave = await seats?.take({ user, cid, onLost: (why) => lose(refusal(why)) });
      if (leave === null) seat.lost ??= refusal('too_many_connections');
      // It was refused meanwhile, and is not waited for.
      else if (seat.lost !== null) leave?.();
      else if (leave !== undefined) seat.leave = leave;
    };
    try {
      await Promise.race([refused, sit()]);
    } catch (error) {
      seat.arrived();
      throw error;
    }
    return seat;
  }

  async function admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const parsed = parseStreamRequest(request.url ?? '', whyUnlisted);
    if (!parsed.ok) {
      refuse(socket, parsed.refusal);
      return;
    }
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    const identity = await identify(request, parsed.value);
    const seat = 'code' in identity ? null : await takeSeat(identity, parsed.value, socket);
    socket.off('error', onError);
    if (socket.destroyed) {
      seat?.leave();
      seat?.arrived();
      return;
    }
    if ('code' in identity || seat === null) {
      refuse(socket, 'code' in identity ? identity : refusal('internal'));
      return;
    }
    // Not the connection's: none is made of an upgrade that ws refuses.
    socket.once('close', seat.leave);
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new PlainConnection(webSocket, () => clock.monotonic());
      options.onConnection(connection, request);
      engine.admit(connection);
      const client = new PlainSocket(makeId(idBytes), connection, {
        identity,
        request: parsed.value,
        rooms: streams,
      });
      seat.onLost = (why) => {
        options.onClientRefused(why.name);
        client.refuse(why, closeCodes.never);
      };
      // Only here: a browser shows its page no more of a refused upgrade than that it failed.
      if (seat.lost === null) options.onSocket(client);
      else seat.onLost(seat.lost);
    });
    seat.arrived();
  }

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (request.url?.startsWith(otherPath) === true) return;
    admit(request, socket, head).catch((error: unknown) => {
      log.error({ err: error }, 'a plain client could not be let in');
      refuse(socket, refusal('internal'));
    });
  }

  httpServer.on('upgrade', onUpgrade);
  const stopWatching = clock.every(watchMs, () => {
    for (const connection of engine.connections) connection.watch(options);
  });

  return {
    engine,
    close: () => {
      stopWatching();
      httpServer.off('upgrade', onUpgrade);
      webSockets.close();
    },
  };
}

/** The token behind `bearer` among the subprotocols; undefined where there is none. */
function tokenIn(protocols = ''): string | undefined {
  const [first, token] = protocols.split(',').map((part) => part.trim());
  return first === bearerProtocol ? token : undefined;
}
