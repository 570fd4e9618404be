/**
 * All connections of this replica: opens a session for each, tells all of them what concerns everyone, and sends them
 * away so that stock clients come back. Keeps SPEC.md [HB1], [CL1], [CL2], [US1].
 */
import {
  limits,
  refusal,
  type FeedState,
  type Hello,
  type Refusal,
  type SymbolsChange,
} from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { userRoom, type Identity } from '../users/identity.ts';
import type { Arrivals } from './arrivals.ts';
import type { Client } from './client.ts';
import type { SeatTaker } from '../users/seat.ts';
import { slimRequest, type Connection } from './connection.ts';
import { createDelivery, deliverPlainly, type Message } from './delivery.ts';
import { createDeparture, type Departure } from './departure.ts';
import { createIdentify } from './identify.ts';
import { SnapshotText } from './json-text.ts';
import { leaversOf } from './leavers.ts';
import { servePlainCalls } from './plain-calls.ts';
import { PlainSocket } from './plain-socket.ts';
import { createSeating } from './seating.ts';
import { Session, type ClientSocket, type SessionStage } from './session.ts';
import { createTextsOfSet, createSymbolTexts } from './symbol-texts.ts';
import { createPresence, type Presence } from './presence.ts';
import type { SocketServer } from './socket-server.ts';
import { createTokens } from './tokens.ts';
import { trim } from './trim.ts';
import { createTurnAway } from './turn-away.ts';
import { createWatchers, type Watchers, type WatchersOptions } from './watchers.ts';

interface SessionsOptions extends Omit<
  SessionStage,
  'textsOf' | 'textsOfSet' | 'watchers' | 'onRefused' | 'onError'
> {
  io: SocketServer;
  node: string;
  /** Null where users may have any number of connections. */
  seats: SeatTaker | null;
  /** Those that have no session yet, plain ones too. */
  arrivals: Arrivals;
  /** Tells the name of the API key that a handshake shows, or null where it is none. */
  keyNameOf: (shown: string) => string | null;
  /** What is told to those who watch the cluster, as it is now. */
  statistics: WatchersOptions['statistics'];
  clock: Clock;
  log: Log;
  random: () => number;
  feed: () => FeedState;
  isStale: (symbol: string) => boolean;
  /** Fires for each call that was refused, with its code's name, or failed by a fault of ours. */
  onCallError: (kind: 'refused' | 'internal', name: string) => void;
  /** Fires for a connection that joins while it has joined already; it is to be cut. */
  onJoinedTwice: (connection: Connection) => void;
  /** Fires for each connection that `leave` sent away; `ignored` where it had to be cut. */
  onSentAway: (how: 'closed' | 'ignored') => void;
}

/**
 * The sessions of one replica, of Socket.IO and plain ones alike, as the rest of it tells them something or asks for
 * them.
 */
export interface Sessions {
  presence(): Presence;
  /** Sessions of each user that has any, at this moment. */
  byUser(): ReadonlyMap<string, number>;
  /** Those who watch the cluster here. */
  readonly watchers: Pick<Watchers, 'count' | 'tell'>;
  /** Sends the message to every session of this replica that it is for; gives how many they were. */
  deliver(message: Message): number;
  /** The session that `hello` told this id, while it lasts. */
  find(session: string): { secret: string; identity: Identity } | null;
  /** Ends every session of the user on this replica and whatever is being let in, refused with `disconnected`; gives how many they were. */
  disconnect(user: string): number;
  /** Opens a session for a plain client; Socket.IO's come by themselves. */
  openPlain(socket: PlainSocket): void;
  /** The connection of that client, where it is still here. */
  connectionOf(socketId: string): Connection | null;
  tellFeed(feed: FeedState): void;
  /** Tells everyone that the list of symbols changed, behind the last tick of what was retired, which nobody has any more then. */
  tellList(change: SymbolsChange): void;
  /** Sends every client one snapshot of all symbols that it receives: everyone starts again from the quotes. */
  restart(reason: 'gap' | 'generation'): void;
  /**
   * Tells every client when to come back, closes polling transports at once and the others over `overMs`, and cuts who
   * ignores it. Who joins later is sent away at once. Resolves when all are gone.
   */
  leave(overMs: number): Promise<void>;
  /** Shortens the rest of `leave` to `ms`. */
  hurry(ms: number): void;
  close(): void;
}

/** Clients that joined while we leave come back spread over this long, in milliseconds. */
const reconnectSpreadMs = 1_000;
/** A heartbeat is at most this late, in milliseconds. */
const heartbeatSweepMs = 250;
/** What a new connection does not need is let go not in its rush to be served, but this much later, in milliseconds. */
const trimMs = 250;
/** A session lives at most this much longer than its sign-in, in milliseconds. A timer for each would fire at once where it is weeks away. */
const expirySweepMs = 1_000;

/**
 * Serves every Socket.IO client that connects from now on. Its `close` stops the timers and ends no session: `leave`
 * does that.
 */
export function createSessions(options: SessionsOptions): Sessions {
  const { io, node, clock, log, random, feed, isStale } = options;
  const watchers = createWatchers(options);
  const stage: SessionStage = {
    ...options,
    textsOf: createSymbolTexts({ isStale }),
    textsOfSet: createTextsOfSet(),
    watchers,
    onRefused: (socket, name) => {
      options.onCallError('refused', name);
      log.debug({ socket, refused: name }, 'a call was refused');
    },
    onError: (socket, error) => {
      options.onCallError('internal', 'internal');
      log.error({ err: error, socket }, 'a call failed');
    },
  };
  const token = createTokens();
  const presence = createPresence();
  const turnAway = createTurnAway({ clock, random });
  /** By the id of their socket. */
  const sessions = new Map<string, Session>();
  /** All of both, by the id that `hello` told. */
  const byId = new Map<string, Session>();
  /** Those whose sign-in ends, with what turns them away. */
  const ending = new Map<Session, (why: Refusal) => void>();
  /** Those of plain clients, which are in no room of Socket.IO's; by the same. */
  const plain = new Map<string, Session>();
  const deliver = createDelivery(io, sessions);
  /** Connections with a session. */
  const joined = new WeakSet<Connection>();
  /** Those that joined since they were last trimmed. */
  let fresh: ClientSocket[] = [];
  let departure: Departure | null = null;

  io.use(createIdentify({ ...options, onRefused: stage.onRefused, onError: stage.onError }));
  io.use(
    createSeating({
      ...options,
      onLost: (socket, why) => endSession(socket, refusal(why)),
      onRefused: stage.onRefused,
      onError: stage.onError,
    }),
  );
  io.on('connection', (socket: ClientSocket) => {
    if (departure !== null) {
      sendAway(socket);
      return;
    }
    // Two CONNECT packets in one go are both taken by Socket.IO, and only one socket of the two would ever hear a call.
    if (joined.has(socket.conn)) {
      options.onJoinedTwice(socket.conn);
      return;
    }
    joined.add(socket.conn);
    slimRequest(socket.conn);
    const { refused } = socket.data;
    if (refused !== undefined) {
      turnAway.atDoor(socket, refused);
      return;
    }
    fresh.push(socket);
    // One listener for every event, so that an unknown one is answered too and none is ever looked up on a prototype.
    socket.onAny(onEvent);
    socket.on('disconnect', onDisconnect);
    sessions.set(
      socket.id,
      open(socket, (why) => {
        forget(socket);
        turnAway.fromSession(socket, why);
      }),
    );
    const { user } = socket.data.identity;
    if (user !== null) void socket.join(userRoom(user));
  });

  /** `end` turns it away, where its sign-in ends. */
  function open(socket: Client, end: (why: Refusal) => void): Session {
    const session = new Session(socket, stage, { id: token(12), secret: token(18) });
    const { id, secret } = session;
    presence.came(socket.data.identity.user);
    const { user, expiresAt } = socket.data.identity;
    byId.set(id, session);
    if (expiresAt !== null) ending.set(session, end);
    const hello: Hello = { session: id, node, user, secret };
    if (expiresAt !== null) hello.expiresAt = expiresAt;
    session.greet({ hello: JSON.stringify(hello), feed: feedText() });
    return session;
  }

  function openPlain(socket: PlainSocket): void {
    if (departure !== null) {
      sendAway(socket);
      return;
    }
    options.streams.admit(socket);
    const session = open(socket, (why) => {
      forgetPlain(socket);
      socket.refuse(why);
    });
    plain.set(socket.id, session);
    socket.conn.once('close', () => forgetPlain(socket));
    servePlainCalls(socket, session);
  }

  /** Ends the session of a plain client; from then on nothing is told to it but why. */
  function forgetPlain({ id }: PlainSocket): void {
    const session = plain.get(id);
    if (session === undefined) return;
    plain.delete(id);
    endOf(session);
    options.streams.dismiss(id);
  }

  let told: { feed: FeedState; text: string } | null = null;

  function feedText(): string {
    const current = feed();
    if (told?.feed !== current) told = { feed: current, text: JSON.stringify(current) };
    return told.text;
  }

  // Shared by all sockets: the emitter is `this`.
  function onEvent(this: ClientSocket, ...args: unknown[]): void {
    sessions.get(this.id)?.take(args);
  }

  function onDisconnect(this: ClientSocket): void {
    forget(this);
    joined.delete(this.conn);
  }

  function forget({ id }: Pick<Client, 'id'>): void {
    const session = sessions.get(id);
    if (session === undefined) return;
    sessions.delete(id);
    endOf(session);
  }

  function endOf(session: Session): void {
    session.end();
    byId.delete(session.id);
    ending.delete(session);
    presence.went(session.socket.data.identity.user);
  }

  function endExpired(): void {
    const now = clock.now();
    for (const [{ socket }, end] of ending) {
      if ((socket.data.identity.expiresAt ?? Infinity) > now) continue;
      stage.onRefused(socket.id, 'token_expired');
      end(refusal('token_expired'));
    }
  }

  function endSession(socket: ClientSocket, why: Refusal): void {
    forget(socket);
    stage.onRefused(socket.id, why.name);
    turnAway.fromSession(socket, why);
  }

  /** Whatever the client speaks. */
  function endAny(client: Client, why: Refusal): void {
    const socket = io.sockets.sockets.get(client.id);
    if (socket !== undefined) endSession(socket, why);
    if (!(client instanceof PlainSocket)) return;
    stage.onRefused(client.id, why.name);
    forgetPlain(client);
    client.refuse(why);
  }

  /** Closes the transport: after `disconnect(true)` a stock client would stay away. */
  function sendAway(socket: Client): void {
    socket.emit('shutdown', { reconnectInMs: Math.round(random() * reconnectSpreadMs) });
    socket.conn.close();
  }

  function tellList(change: SymbolsChange): void {
    options.streams.finish(change.retired);
    for (const all of [sessions, plain]) for (const session of all.values()) session.drop(change.retired);
    io.local.emit('symbols', change);
    for (const { socket } of plain.values()) socket.emit('symbols', change);
  }

  const stopSweeping = clock.every(expirySweepMs, endExpired);
  const stopBeating = clock.every(heartbeatSweepMs, () => options.streams.beat(limits.heartbeatMs));
  const stopTrimming = clock.every(trimMs, () => {
    for (const socket of fresh) trim(socket);
    fresh = [];
  });

  return {
    presence: () => presence.now(),
    byUser: () => presence.byUser(),
    watchers,
    deliver: (message) => deliver(message) + deliverPlainly(plain.values(), message),
    find: (id) => {
      const session = byId.get(id);
      return session === undefined
        ? null
        : { secret: session.secret, identity: session.socket.data.identity };
    },
    disconnect: (user) => {
      const own = [...byId.values()].filter(({ socket }) => socket.data.identity.user === user);
      for (const { socket } of own) endAny(socket, refusal('disconnected'));
      return own.length + options.arrivals.refuse(user, refusal('disconnected'));
    },
    openPlain,
    connectionOf: (socketId) => (sessions.get(socketId) ?? plain.get(socketId))?.socket.conn ?? null,
    tellFeed: ({ sources, ...state }) => {
      // All symbols were named when the client connected, and each change of them since then.
      const named = state.state === 'stale' ? [] : sources.filter((source) => source.state === 'stale');
      const change = { ...state, sources: named.map((source) => ({ ...source, symbols: [] })) };
      io.local.emit('feed', change);
      for (const { socket } of plain.values()) socket.emit('feed', change);
    },
    tellList,
    restart: (reason) => {
      /** Most clients of a page have the same symbols. */
      const texts = new Map<string, SnapshotText | null>();
      const textOf = (symbols: readonly string[]): SnapshotText | null => {
        const key = symbols.join();
        let text = texts.get(key);
        if (text === undefined) {
          const quotes = symbols.flatMap((symbol) => options.prices.quote(symbol) ?? []);
          const parts = quotes.map((quote) => stage.textsOf(quote).quote);
          text = quotes.length === 0 ? null : new SnapshotText(parts, reason);
          texts.set(key, text);
        }
        return text;
      };
      for (const all of [sessions, plain]) for (const session of all.values()) session.restart(textOf);
    },
    leave: (overMs) => {
      departure ??= createDeparture({
        leavers: leaversOf(io, [...sessions.values(), ...plain.values()]),
        overMs,
        clock,
        random,
        onGone: options.onSentAway,
      });
      return departure.done;
    },
    hurry: (ms) => departure?.hurry(ms),
    close: () => {
      stopSweeping();
      stopBeating();
      stopTrimming();
    },
  };
}
