/** The last ticks of one symbol, as texts in a ring: a full one forgets its oldest. */

/** Holds texts of `tickText`, in a row. A seq that is ahead of the newest has no answer either. */
export interface TickHistory {
  /** Adds the next tick; `seq` is that of the one before and 1, or 1. */
  add(seq: number, text: string): void;
  /** Every tick after `seq` up to the newest, oldest first, or null where they are not all there. */
  after(seq: number): string[] | null;
}

/** Keeps at most `maxTicks`. */
export function createTickHistory(maxTicks: number): TickHistory {
  const ring: string[] = [];
  let head = 0;
  return {
    add(seq, text) {
      head = seq;
      if (maxTicks > 0) ring[(seq - 1) % maxTicks] = text;
    },
    after(seq) {
      const missed = head - seq;
      // Written so that NaN is refused too.
      if (!(missed >= 0 && missed <= ring.length)) return null;
      const texts: string[] = [];
      for (let next = seq + 1; next <= head; next++) {
        const text = ring[(next - 1) % maxTicks];
        // A seq that is no integer has no place in the ring.
        if (text === undefined) return null;
        texts.push(text);
      }
      return texts;
    },
  };
}
