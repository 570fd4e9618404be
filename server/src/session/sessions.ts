/**
 * All connections of this replica: opens a session for each, tells all of them what concerns everyone, and sends them
 * away so that stock clients come back. Keeps SPEC.md [HB1], [CL1] to [CL3].
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
import { createSession, type ClientSocket, type Session, type SymbolStream } from './session.ts';
import type { SocketServer } from './socket-server.ts';

export interface SessionsOptions {
  io: SocketServer;
  node: string;
  clock: Clock;
  log: Log;
  random: () => number;
  feed: () => FeedState;
  isListed: (symbol: string) => boolean;
  isStale: (symbol: string) => boolean;
  openStream: (symbol: string) => SymbolStream;
  missedSince: (symbol: string, position: Position) => Promise<Tick[] | null>;
  /** Fires for each symbol that a client asked to go on with. */
  onRecovery: (isRecovered: boolean) => void;
  /** When the symbol's last tick passed here, on the monotonic clock. */
  lastTickAt: (symbol: string) => number;
}

export interface Sessions {
  count(): number;
  tellFeed(feed: FeedState): void;
  /** Sends a snapshot to everyone who listens to the symbol on this replica. */
  tellSnapshot(quote: Quote, reason: Snapshot['reason']): void;
  /** Tells every client to reconnect and closes its transport. Resolves when all are gone, or after `limitMs`. */
  leave(limitMs: number): Promise<void>;
  close(): void;
}

/** Clients that leave together come back spread over this long, in milliseconds. */
const reconnectSpreadMs = 1_000;
/** A heartbeat is at most this late, in milliseconds. */
const heartbeatSweepMs = 250;

export function createSessions(options: SessionsOptions): Sessions {
  const { io, node, clock, log, random, feed, isListed, isStale, openStream, missedSince, lastTickAt } =
    options;
  const sessions = new Map<string, Session & { beatAt: number }>();
  let leaving = false;

  io.on('connection', (socket: ClientSocket) => {
    if (leaving) {
      sendAway(socket);
      return;
    }
    const session = createSession({
      socket,
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
      onRecovery: options.onRecovery,
      onRefused: (name) => log.debug({ socket: socket.id, refused: name }, 'a call was refused'),
      onError: (error) => log.error({ err: error, socket: socket.id }, 'a call failed'),
    });
    sessions.set(socket.id, { ...session, beatAt: clock.monotonic() });
    socket.once('disconnect', () => sessions.delete(socket.id));
  });

  /** A heartbeat to every session that has seen neither a tick nor a heartbeat for a second, encoded once. */
  function beat(): void {
    const now = clock.monotonic();
    const silent: string[] = [];
    for (const [id, session] of sessions) {
      if (now - session.beatAt < limits.heartbeatMs || sawTickSince(session, now - limits.heartbeatMs))
        continue;
      session.beatAt = now;
      silent.push(id);
    }
    if (silent.length > 0) io.local.to(silent).emit('heartbeat', { at: clock.now() });
  }

  function sawTickSince({ symbols }: Session, since: number): boolean {
    for (const symbol of symbols) if (lastTickAt(symbol) > since) return true;
    return false;
  }

  /** Closes the transport: after `disconnect(true)` a stock client would stay away. */
  function sendAway(socket: ClientSocket): void {
    socket.emit('shutdown', { reconnectInMs: Math.round(random() * reconnectSpreadMs) });
    socket.conn.close();
  }

  const stopBeating = clock.every(heartbeatSweepMs, beat);

  return {
    count: () => sessions.size,
    tellFeed: (state) => void io.local.emit('feed', state),
    tellSnapshot: (quote, reason) => {
      const quotes = [{ ...quote, stale: isStale(quote.symbol) }];
      io.local.to(tickRoom(quote.symbol)).emit('snapshot', { quotes, reason });
    },
    leave: (limitMs) => {
      leaving = true;
      return new Promise((resolve) => {
        const finish = (): void => {
          stopWatching();
          stopWaiting();
          resolve();
        };
        const stopWaiting = clock.after(limitMs, finish);
        const stopWatching = clock.every(20, () => sessions.size === 0 && finish());
        for (const { socket } of sessions.values()) sendAway(socket);
      });
    },
    close: () => stopBeating(),
  };
}
