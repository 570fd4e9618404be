/**
 * All connections of this replica: opens a session for each, tells all of them what concerns everyone, and sends them
 * away so that stock clients come back. Keeps SPEC.md [HB1], [CL1], [CL2].
 */
import { randomBytes } from 'node:crypto';
import {
  limits,
  tickRoom,
  type FeedState,
  type Position,
  type Quote,
  type Snapshot,
  type Tick,
} from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { slimRequest, type Connection } from './connection.ts';
import { createDeparture, type Departure } from './departure.ts';
import { leaversOf } from './leavers.ts';
import { createSession, type ClientSocket, type Session, type SymbolStream } from './session.ts';
import type { SocketServer } from './socket-server.ts';
import { TokenBucket, type Rate } from './token-bucket.ts';

export interface SessionsOptions {
  io: SocketServer;
  node: string;
  clock: Clock;
  /** Calls that a connection may make; a list counts one more for each 20 symbols. */
  calls: Rate;
  maxSubscriptions: number;
  log: Log;
  random: () => number;
  feed: () => FeedState;
  isListed: (symbol: string) => boolean;
  isStale: (symbol: string) => boolean;
  openStream: (symbol: string) => SymbolStream;
  missedSince: (symbol: string, position: Position) => Promise<Tick[] | null>;
  reaches: (symbol: string, position: Position) => Promise<boolean>;
  enterRate: (symbol: string, everyMs: number, socketId: string, join: () => void) => boolean;
  /** Fires for each symbol that a client asked to go on with. */
  onRecovery: (isRecovered: boolean, replayed: number) => void;
  /** What is on its way to that client goes out, and what waits for it of these symbols is dropped. */
  beforeSnapshot: (socketId: string, symbols: Iterable<string>) => void;
  /** Writes ticks to that client in this turn; resolves when it may be given more. */
  writeTicks: (socketId: string, ticks: readonly Tick[]) => Promise<void>;
  /** Tells a heartbeat to every client that got nothing for `ms`. */
  beat: (ms: number) => void;
  /** Fires for each call that was refused, or failed by a fault of ours. */
  onCallError: (kind: 'refused' | 'internal') => void;
  /** Fires for a connection that joins while it has joined already; it is to be cut. */
  onJoinedTwice: (connection: Connection) => void;
  /** Fires for each connection that `leave` sent away; `ignored` where it had to be cut. */
  onSentAway: (how: 'closed' | 'ignored') => void;
}

export interface Sessions {
  count(): number;
  tellFeed(feed: FeedState): void;
  /** Sends a snapshot to everyone who listens to the symbol on this replica. */
  tellSnapshot(quote: Quote, reason: Snapshot['reason']): void;
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
/** Symbols in a call that count as much as another call. */
const symbolsPerCall = 20;
/** A heartbeat is at most this late, in milliseconds. */
const heartbeatSweepMs = 250;

export function createSessions(options: SessionsOptions): Sessions {
  const { io, node, clock, log, random, feed, isListed, isStale, openStream, missedSince } = options;
  const { calls, maxSubscriptions } = options;
  const sessions = new Map<string, Session>();
  /** Connections with a session. */
  const joined = new WeakSet<Connection>();
  let departure: Departure | null = null;

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
    const bucket = new TokenBucket(calls, clock.monotonic());
    const session = createSession({
      socket,
      maxSubscriptions,
      mayCall: (symbols) => bucket.take(1 + symbols / symbolsPerCall, clock.monotonic()),
      hello: {
        session: randomBytes(12).toString('base64url'),
        node,
        user: null,
        secret: randomBytes(18).toString('base64url'),
      },
      feed: feed(),
      isListed,
      isStale,
      openStream,
      missedSince,
      beforeSnapshot: (symbols) => options.beforeSnapshot(socket.id, symbols),
      writeTicks: (ticks) => options.writeTicks(socket.id, ticks),
      reaches: options.reaches,
      enterRate: (symbol, everyMs, join) => options.enterRate(symbol, everyMs, socket.id, join),
      onRecovery: options.onRecovery,
      onRefused: (name) => {
        options.onCallError('refused');
        log.debug({ socket: socket.id, refused: name }, 'a call was refused');
      },
      onError: (error) => {
        options.onCallError('internal');
        log.error({ err: error, socket: socket.id }, 'a call failed');
      },
    });
    sessions.set(socket.id, session);
    socket.once('disconnect', () => {
      sessions.delete(socket.id);
      joined.delete(socket.conn);
    });
  });

  /** Closes the transport: after `disconnect(true)` a stock client would stay away. */
  function sendAway(socket: ClientSocket): void {
    socket.emit('shutdown', { reconnectInMs: Math.round(random() * reconnectSpreadMs) });
    socket.conn.close();
  }

  const stopBeating = clock.every(heartbeatSweepMs, () => options.beat(limits.heartbeatMs));

  return {
    count: () => sessions.size,
    tellFeed: (state) => void io.local.emit('feed', state),
    tellSnapshot: (quote, reason) => {
      const quotes = [{ ...quote, stale: isStale(quote.symbol) }];
      const rooms = limits.offeredEveryMs.map((everyMs) => tickRoom(quote.symbol, everyMs));
      io.local.to(rooms).emit('snapshot', { quotes, reason });
    },
    leave: (overMs) => {
      departure ??= createDeparture({
        leavers: leaversOf(
          io,
          [...sessions.values()].map(({ socket }) => socket),
        ),
        overMs,
        clock,
        random,
        onGone: options.onSentAway,
      });
      return departure.done;
    },
    hurry: (ms) => departure?.hurry(ms),
    close: () => stopBeating(),
  };
}
