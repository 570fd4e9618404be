/**
 * Sends connections away over a span of time: each is told at once when it is to come back, and its transport is closed
 * at that moment; who ignores that is cut. Polling ones go first. Knows no sockets. SPEC.md [CL1], [CL2], [DR3] to [DR5].
 */
import type { Clock } from '../support/clock.ts';

/** One connection as the departure sees it. */
export interface Leaver {
  /** Polling connections go first: a proxy moves them to another replica at our first refused handshake. */
  readonly isPolling: boolean;
  /** Whether it has joined. Who has not, has nothing to be told, and is closed first. */
  readonly isJoined: boolean;
  tell(reconnectInMs: number): void;
  /** Closes the transport after what was written to it. */
  close(): void;
  /** Ends the connection at once. */
  cut(): void;
  isGone(): boolean;
}

/** A departure under way, which cannot be called off. */
export interface Departure {
  /** Over how long the rest is sent away, from now. Only ever shortens. */
  hurry(ms: number): void;
  /** Resolves when all are gone or cut. */
  readonly done: Promise<void>;
}

interface DepartureOptions {
  leavers: readonly Leaver[];
  overMs: number;
  clock: Clock;
  /** Gives a number in [0, 1). */
  random: () => number;
  /** Fires once for each connection; `ignored` where it had to be cut. */
  onGone: (how: 'closed' | 'ignored') => void;
}

const turnMs = 20;
/** Who was closed and is not gone after this long, ignores it; in milliseconds. */
export const ignoredAfterMs = 1_000;
/** Polling clients, who go at once, come back spread over this long at most, in milliseconds. */
const pollingSpreadMs = 1_000;

/** Tells every one, and closes the first, before it returns. */
export function createDeparture({ leavers, overMs, clock, random, onGone }: DepartureOptions): Departure {
  /** Those still to be closed, by `dueAt`. */
  let waiting: { leaver: Leaver; dueAt: number }[] = [];
  /** Those closed and not gone, by `closedAt`. */
  let closing: { leaver: Leaver; closedAt: number }[] = [];
  let finish: () => void;
  const done = new Promise<void>((resolve) => void (finish = resolve));
  const startedAt = clock.monotonic();

  function close(leaver: Leaver): void {
    leaver.close();
    closing.push({ leaver, closedAt: clock.monotonic() });
  }

  function turn(): void {
    const now = clock.monotonic();
    waiting = waiting.filter(({ leaver, dueAt }) => {
      // It may have left of its own accord, as it was told to.
      if (leaver.isGone()) onGone('closed');
      else if (dueAt > now) return true;
      else close(leaver);
      return false;
    });
    closing = closing.filter(({ leaver, closedAt }) => {
      const isGone = leaver.isGone();
      if (!isGone && now - closedAt < ignoredAfterMs) return true;
      if (!isGone) leaver.cut();
      onGone(isGone ? 'closed' : 'ignored');
      return false;
    });
    if (waiting.length + closing.length > 0) return;
    stop();
    finish();
  }

  const goesFirst = ({ isPolling, isJoined }: Leaver): boolean => isPolling || !isJoined;
  for (const leaver of leavers.filter(goesFirst)) {
    leaver.tell(Math.round(random() * Math.min(overMs, pollingSpreadMs)));
    close(leaver);
  }
  const others = leavers.filter((leaver) => !goesFirst(leaver));
  for (const [index, leaver] of others.entries()) {
    // One in each slice of the time, so that however few they are, they do not come back together.
    const inMs = (overMs * (index + random())) / others.length;
    leaver.tell(Math.round(inMs));
    waiting.push({ leaver, dueAt: startedAt + inMs });
  }
  const stop = clock.every(turnMs, turn);
  turn();

  return {
    done,
    hurry: (ms) => {
      const now = clock.monotonic();
      const lastDueAt = waiting.at(-1)?.dueAt ?? now;
      const ratio = ms / Math.max(ms, lastDueAt - now);
      for (const one of waiting) one.dueAt = now + (one.dueAt - now) * ratio;
    },
  };
}
