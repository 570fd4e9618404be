/**
 * The heads that the leader repeats with its beats: pub/sub loses messages, and a symbol's last tick before a calm would
 * be missed by nobody. Knows no channel.
 */
import type { Announcement } from '../backplane/contract.ts';

export interface Digest {
  moved(head: { symbol: string; gen: string; seq: number }): void;
  /** The heads that moved during the last beats; the beat that asks is one of them. */
  beat(): Announcement['heads'];
}

/** Each head is told this many times, so that one of them arrives. */
const beatsTold = 5;

export function createDigest(): Digest {
  /** In the order of their last move. */
  const heads = new Map<string, { gen: string; seq: number; beatsLeft: number }>();
  return {
    moved: ({ symbol, gen, seq }) => {
      heads.delete(symbol);
      heads.set(symbol, { gen, seq, beatsLeft: beatsTold });
    },
    beat: () => {
      const told: Announcement['heads'] = [];
      for (const [symbol, head] of heads) {
        told.push([symbol, head.gen, head.seq]);
        head.beatsLeft--;
        if (head.beatsLeft === 0) heads.delete(symbol);
      }
      return told;
    },
  };
}
