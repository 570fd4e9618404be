/** A clock that stands still until it is told to go on; for unit tests. */
import type { Clock } from '../../../src/support/clock.ts';

/** A server's clock in a test's hands: no timer fires but within `advance` and `holdUp`. */
export interface ManualClock extends Clock {
  /** Moves time and runs what falls due, in order, letting promises settle after each. */
  advance(ms: number): Promise<void>;
  /** How many timers run. */
  timers(): number;
  /** Moves time as it passes for a process that is held up: what falls due meanwhile runs once, at the end. */
  holdUp(ms: number): Promise<void>;
}

interface Timer {
  at: number;
  everyMs: number | null;
  callback: () => void;
}

/** Starts at `startAt` epoch milliseconds; the monotonic clock starts at 0. */
export function createManualClock(startAt = 1_700_000_000_000): ManualClock {
  let elapsed = 0;
  const timers = new Set<Timer>();

  function add(timer: Timer): () => void {
    timers.add(timer);
    return () => void timers.delete(timer);
  }

  async function settle(): Promise<void> {
    for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
  }

  const clock: ManualClock = {
    now: () => startAt + elapsed,
    monotonic: () => elapsed,
    after: (ms, callback) => add({ at: elapsed + ms, everyMs: null, callback }),
    every: (ms, callback) => add({ at: elapsed + ms, everyMs: ms, callback }),
    timers: () => timers.size,
    advance: async (ms) => {
      const until = elapsed + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= until).toSorted((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        elapsed = Math.max(elapsed, due.at);
        if (due.everyMs === null) timers.delete(due);
        else due.at += due.everyMs;
        due.callback();
        await settle();
      }
      elapsed = until;
    },
    holdUp: async (ms) => {
      elapsed += ms;
      for (const timer of timers) if (timer.everyMs !== null) timer.at = Math.max(timer.at, elapsed);
      await clock.advance(0);
    },
  };
  return clock;
}
