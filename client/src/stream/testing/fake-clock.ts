/** A clock that stands still until a test moves it. Timers fire in the order of their instants. */
import type { Clock } from '../clock.ts';

/** The clock of a stream under test; its time is the test's alone. */
export interface FakeClock extends Clock {
  /** Moves time on, firing what falls due on the way. */
  advance(ms: number): void;
  /** Moves time on as a suspended page sees it: nothing fires on the way, everything due fires at the end. */
  sleep(ms: number): void;
}

/** Starts at 1,700,000,000,000 epoch ms; the monotonic clock starts at 0. */
export function createFakeClock(): FakeClock {
  let nowMs = 0;
  const timers = new Set<{ at: number; callback: () => void }>();

  function fireDue(untilMs: number, moveTo: (at: number) => void): void {
    for (;;) {
      const [next] = [...timers].filter(({ at }) => at <= untilMs).toSorted((a, b) => a.at - b.at);
      if (next === undefined) return;
      timers.delete(next);
      moveTo(next.at);
      next.callback();
    }
  }

  return {
    now: () => 1_700_000_000_000 + nowMs,
    monotonic: () => nowMs,
    after: (ms, callback) => {
      const timer = { at: nowMs + ms, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: (ms) => {
      const until = nowMs + ms;
      fireDue(until, (at) => (nowMs = Math.max(nowMs, at)));
      nowMs = until;
    },
    sleep: (ms) => {
      nowMs += ms;
      fireDue(nowMs, () => undefined);
    },
  };
}
