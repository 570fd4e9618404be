/**
 * Turns a joined socket away so that it comes back: says why, waits as long as the refusal asks, and closes the transport.
 * SPEC.md [CL1], [CL3].
 */
import type { Refusal } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import type { ClientSocket } from './session.ts';

export interface TurnAwayOptions {
  clock: Pick<Clock, 'after'>;
  /** Gives a number in [0, 1). */
  random: () => number;
}

/** Who is to come back later is held for this long, and up to as long again: a stock client would be back in a second, for ever. */
const laterMs = 2_000;

/** Gives a function that turns a socket away; it must have no session, or have ended it. */
export function createTurnAway({ clock, random }: TurnAwayOptions) {
  return (socket: ClientSocket, why: Refusal): void => {
    const { conn } = socket;
    socket.emit('refused', why);
    if (why.retry === 'now') {
      conn.close();
      return;
    }
    const cancel = clock.after(laterMs * (1 + random()), () => conn.close());
    conn.once('close', cancel);
  };
}
