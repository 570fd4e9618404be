/** The last ticks of one symbol, in a ring: a full one forgets its oldest. Their seqs follow each other. */
import type { Tick } from '../../../protocol/index.ts';

export interface TickHistory {
  /** `tick.seq` is the next one, from 1. */
  add(tick: Tick): void;
  /** Every tick after `seq` up to the newest, oldest first, or null where they are not all there. */
  after(seq: number): Tick[] | null;
}

/** Keeps at most `maxTicks`. */
export function createTickHistory(maxTicks: number): TickHistory {
  const ring: Tick[] = [];
  let head = 0;
  return {
    add(tick) {
      head = tick.seq;
      if (maxTicks > 0) ring[(head - 1) % maxTicks] = tick;
    },
    after(seq) {
      const missed = head - seq;
      // Written so that NaN is refused too.
      if (!(missed >= 0 && missed <= ring.length)) return null;
      const ticks: Tick[] = [];
      for (let next = seq + 1; next <= head; next++) {
        const tick = ring[(next - 1) % maxTicks];
        // A seq that is no integer has no place in the ring.
        if (tick === undefined) return null;
        ticks.push(tick);
      }
      return ticks;
    },
  };
}
