/** Checks the stream of one client by [W2], [W3] and [SB5], tick by tick. */
import type { Quote, Tick } from '../../protocol/index.ts';

/** The judge of one client, over its reconnects too: a snapshot says where it goes on. */
export interface OrderCheck {
  placed(quotes: readonly Pick<Quote, 'symbol' | 'gen' | 'seq'>[]): void;
  arrived(tick: Tick): void;
  /** Repeats, falls and holes so far, in words. */
  faults(): string[];
}

/** The caller keeps snapshots and ticks in the order in which they came. */
export function createOrderCheck(): OrderCheck {
  const faults: string[] = [];
  const heads = new Map<string, { gen: string; seq: number }>();
  return {
    placed: (quotes) => {
      for (const { symbol, gen, seq } of quotes) heads.set(symbol, { gen, seq });
    },
    arrived: ({ symbol, gen, seq, merged = 0 }) => {
      const head = heads.get(symbol);
      if (head === undefined) {
        if (seq - merged !== 1) faults.push(`${symbol} ${gen}:${seq} without a snapshot`);
      } else if (head.gen !== gen)
        faults.push(`${symbol} ${gen}:${seq} after ${head.gen}:${head.seq} without a snapshot`);
      else if (seq <= head.seq) faults.push(`${symbol} ${gen}:${seq} after ${head.seq}: repeated or falling`);
      else if (seq - merged > head.seq + 1) faults.push(`${symbol} ${gen}:${seq} after ${head.seq}: a hole`);
      heads.set(symbol, { gen, seq });
    },
    faults: () => [...faults],
  };
}
