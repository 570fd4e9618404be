/**
 * Has each connection of a user take a seat before it joins, and gives it back with the connection. A connection without a user
 * has no seat and waits for nothing. Knows neither how seats are counted nor where. Keeps SPEC.md [ST1] to [ST4], [US2].
 */
import process from 'node:process';
import { refusal, type Refusal } from '../../protocol/index.ts';
import type { SeatLoss, SeatTaker } from '../users/seat.ts';
import type { Arrivals } from './arrivals.ts';
import { refuseIn } from './identify.ts';
import type { ClientSocket } from './session.ts';

interface SeatingOptions {
  /** Null where users may have any number of connections. */
  seats: SeatTaker | null;
  arrivals: Pick<Arrivals, 'add'>;
  /** Fires for each socket that has joined and lost its seat: it is to be ended. */
  onLost: (socket: ClientSocket, why: SeatLoss) => void;
  /** Fires for each socket that gets no seat or loses it before it has joined, with the code's name. */
  onRefused: (socketId: string, name: string) => void;
  /** Fires for a fault of ours. */
  onError: (socketId: string, error: unknown) => void;
}

const form = /^[\w-]{1,64}$/;

/** The `?cid=` of a handshake, or null where it is none: 1 to 64 letters, digits, `_` and `-`. */
export function parseCid(text: unknown): string | null {
  return typeof text === 'string' && form.test(text) ? text : null;
}

/** The middleware for `io.use`, after the one that tells who a socket is of. */
export function createSeating({ seats, arrivals, onLost, onRefused, onError }: SeatingOptions) {
  /** Gives why there is none, or none any more; null where it has one. */
  async function seat(from: SeatTaker, socket: ClientSocket, user: string): Promise<Refusal | null> {
    try {
      const cid = parseCid(socket.handshake.query['cid']);
      const lose = (why: SeatLoss): void => {
        if (socket.connected) onLost(socket, why);
        else {
          onRefused(socket.id, why);
          socket.data.refused = refusal(why);
        }
      };
      const leave = await from.take({ user, cid, onLost: lose });
      if (leave === null) {
        onRefused(socket.id, 'too_many_connections');
        return refusal('too_many_connections');
      }
      const { conn } = socket;
      // Who leaves the namespace and joins again, on one connection, would leave a listener behind each time.
      const gone = (): void => {
        conn.off('close', gone);
        leave();
      };
      socket.once('disconnect', gone);
      conn.once('close', gone);
      // It went, or was refused, while the seat was waited for.
      if (conn.readyState === 'closed' || socket.data.refused !== undefined) gone();
      return socket.data.refused ?? null;
    } catch (error) {
      onError(socket.id, error);
      return refusal('internal');
    }
  }

  return (socket: ClientSocket, next: (error?: Error) => void): void => {
    const { identity, refused } = socket.data;
    // Who was refused before has no identity.
    if (refused !== undefined || identity.user === null) {
      next();
      return;
    }
    let isDecided = false;
    const decide = (why: Refusal | null): void => {
      if (isDecided) return;
      isDecided = true;
      if (why === null) next();
      else refuseIn(socket, next, why);
      // Socket.IO lets it join in a step of its own, which comes before this one.
      process.nextTick(arrived);
    };
    const arrived = arrivals.add(identity.user, (why) => {
      if (socket.conn.readyState !== 'open') return false;
      onRefused(socket.id, why.name);
      // For the seat that comes too late, and for one who is about to join.
      socket.data.refused = why;
      decide(why);
      return true;
    });
    if (seats === null) decide(null);
    else void seat(seats, socket, identity.user).then(decide);
  };
}
