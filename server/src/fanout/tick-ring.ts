/** The last ticks that passed, in a row: what a subscriber may need between a read of the store and its join. */
import type { Tick } from '../../protocol/index.ts';

/**
 * One symbol's last ticks, of one generation. That each follows the one before is for the sequencer to see, which clears the ring
 * where its head jumps.
 */
export interface TickRing {
  /** Adds the tick that follows the last one. */
  add(tick: Tick): void;
  /** Every tick after that seq, oldest first; null where the ring does not reach back so far. */
  after(seq: number): Tick[] | null;
  /** Forgets all: what comes next does not follow. */
  clear(): void;
}

/** Longer than any read of the store takes at a thousand ticks a second of one symbol. */
const maxTicks = 64;

/** An empty ring: until the first `add` nothing is at hand, whatever the seq. */
export function createTickRing(): TickRing {
  let ticks: Tick[] = [];
  return {
    add: (tick) => {
      ticks.push(tick);
      // Half at once, so that it costs one copy each 64 ticks.
      if (ticks.length > 2 * maxTicks) ticks = ticks.slice(-maxTicks);
    },
    after: (seq) => {
      const first = ticks[0];
      if (first === undefined || first.seq - (first.merged ?? 0) > seq + 1) return null;
      return ticks.filter((tick) => tick.seq > seq);
    },
    clear: () => {
      ticks = [];
    },
  };
}
