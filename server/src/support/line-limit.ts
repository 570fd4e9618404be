/**
 * How many lines of one kind a log takes in a second, so that nobody can fill it: what is beyond is counted, and told of in
 * one line when the second is over. Every kind has a limit of its own, so a flood of one hides no line of another. Knows
 * nothing of what a line says.
 */
import type { Clock } from './clock.ts';

interface LineLimitOptions {
  clock: Pick<Clock, 'monotonic' | 'after'>;
  /** Lines a second of one kind; 0 is no limit. */
  maxPerSecond: number;
  /** Fires at the end of a second, once for each kind of which lines were left out, with the level of the last of them. */
  onLeftOut: (kind: string, lines: number, level: number) => void;
}

/** The count of one log. A second begins with the first line after the one before, not with the clock's. */
export interface LineLimit {
  /** Whether a line of that kind and level may be written now; counts it. */
  take(kind: string, level: number): boolean;
}

const windowMs = 1_000;
/** Kinds are words of ours; should what a client says ever be part of one, those beyond this many share a limit. */
const maxKinds = 256;
const otherKinds = 'other kinds';

interface Count {
  taken: number;
  leftOut: number;
  level: number;
}

/** Has a timer only where lines were left out, to the end of that second; with 0 it counts nothing. */
export function createLineLimit({ clock, maxPerSecond, onLeftOut }: LineLimitOptions): LineLimit {
  let counts = new Map<string, Count>();
  let endsAt = -Infinity;
  let isPlanned = false;

  function endWindow(): void {
    const ended = counts;
    counts = new Map();
    for (const [kind, { leftOut, level }] of ended) if (leftOut > 0) onLeftOut(kind, leftOut, level);
  }

  function countOf(kind: string, level: number): Count {
    const name = counts.size < maxKinds || counts.has(kind) ? kind : otherKinds;
    const count = counts.get(name) ?? { taken: 0, leftOut: 0, level };
    counts.set(name, count);
    return count;
  }

  return {
    take(kind, level) {
      if (maxPerSecond === 0) return true;
      const now = clock.monotonic();
      // Where lines were left out, the timer ends the window.
      if (now >= endsAt && !isPlanned) {
        counts.clear();
        endsAt = now + windowMs;
      }
      const count = countOf(kind, level);
      if (count.taken < maxPerSecond) {
        count.taken++;
        return true;
      }
      count.leftOut++;
      count.level = level;
      if (!isPlanned) {
        isPlanned = true;
        clock.after(endsAt - now, () => {
          isPlanned = false;
          endsAt = -Infinity;
          endWindow();
        });
      }
      return false;
    },
  };
}
