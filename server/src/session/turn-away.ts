/**
 * Turns joined sockets away: says why and closes the transport, so that they come back, after a time where the refusal asks for
 * one. From the first moment on they are in no room and get nothing else. SPEC.md [CL1], [CL3].
 */
import type { Refusal } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import { cut } from './connection.ts';
import { ignoredAfterMs } from './departure.ts';
import type { ClientSocket } from './session.ts';

/** For sockets of Socket.IO; a plain client is turned away by its own `refuse`. */
export interface TurnAway {
  /** One that has just joined and gets no session. Who is to come back later is held: a stock client would be here again in a second. */
  atDoor(socket: ClientSocket, why: Refusal): void;
  /** One whose session has ended, at once. With `never` by a disconnect packet, after which a stock client stays away. */
  fromSession(socket: ClientSocket, why: Refusal): void;
}

interface TurnAwayOptions {
  clock: Pick<Clock, 'after'>;
  /** Gives a number in [0, 1). */
  random: () => number;
}

/** Who is to come back later is held for this long, and up to as long again. */
const holdMs = 2_000;

/** Whoever ignores for a second that its transport was closed is cut. */
export function createTurnAway({ clock, random }: TurnAwayOptions): TurnAway {
  function tell(socket: ClientSocket, why: Refusal): void {
    // Also out of what is emitted to everyone.
    socket.nsp.adapter.delAll(socket.id);
    socket.emit('refused', why);
  }

  function close({ conn }: ClientSocket): void {
    const cancel = clock.after(ignoredAfterMs, () => cut(conn));
    conn.once('close', cancel);
    conn.close();
  }

  function fromSession(socket: ClientSocket, why: Refusal): void {
    tell(socket, why);
    if (why.retry === 'never') socket.disconnect(true);
    close(socket);
  }

  return {
    atDoor: (socket, why) => {
      if (why.retry !== 'later') {
        fromSession(socket, why);
        return;
      }
      tell(socket, why);
      const cancel = clock.after(holdMs * (1 + random()), () => close(socket));
      socket.conn.once('close', cancel);
    },
    fromSession,
  };
}
