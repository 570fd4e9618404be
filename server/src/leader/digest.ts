/**
 * The heads that the leader repeats with its beats: pub/sub loses messages, and a symbol's last tick before a calm would
 * be missed by nobody. While a symbol moves with every beat its next tick tells what was lost, and it is not repeated: at
 * 5,000 symbols that would be a tenth of all bytes. Knows no channel.
 */
import type { Announcement } from '../backplane/contract.ts';

/** The heads of one term. */
export interface Digest {
  moved(head: { symbol: string; gen: string; seq: number }): void;
  /** The heads that moved during the last beats; the beat that asks is one of them. */
  beat(): Announcement['heads'];
}

/** Each head is told this many times, so that one of them arrives. */
const beatsTold = 5;

interface Head {
  gen: string;
  seq: number;
  beatsLeft: number;
  /** The beat before which it moved last, and whether it had moved before the one before that too. */
  movedIn: number;
  keepsMoving: boolean;
}

/** Knows no head yet. */
export function createDigest(): Digest {
  const heads = new Map<string, Head>();
  let beats = 0;
  return {
    moved: ({ symbol, gen, seq }) => {
      const head = heads.get(symbol);
      if (head === undefined) {
        heads.set(symbol, { gen, seq, beatsLeft: beatsTold, movedIn: beats, keepsMoving: false });
        return;
      }
      if (head.movedIn !== beats) head.keepsMoving = head.movedIn === beats - 1;
      head.gen = gen;
      head.seq = seq;
      head.beatsLeft = beatsTold;
      head.movedIn = beats;
    },
    beat: () => {
      const told: Announcement['heads'] = [];
      for (const [symbol, head] of heads) {
        if (head.movedIn === beats && head.keepsMoving) continue;
        told.push([symbol, head.gen, head.seq]);
        head.beatsLeft--;
        if (head.beatsLeft === 0) heads.delete(symbol);
      }
      beats++;
      return told;
    },
  };
}
