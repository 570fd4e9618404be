/** Checks the stream of one client by [W2], [W3] and [SB5], tick by tick. */
import type { Quote, Tick } from '../../../protocol/index.ts';

/** The judge of one client, over its reconnects too: a snapshot says where it goes on. */
export interface OrderCheck {
  placed(quotes: readonly Pick<Quote, 'symbol' | 'gen' | 'seq'>[]): void;
  arrived(tick: Tick): void;
  /** Repeats, falls and holes so far, in words. */
  faults(): string[];
}

/** What is wrong with a tick after that head, in words. */
export function orderFault(
  head: { gen: string; seq: number } | undefined,
  { symbol, gen, seq, merged = 0 }: Tick,
): string | null {
  const name = `${symbol} ${gen}:${seq}`;
  if (head === undefined) return seq - merged === 1 ? null : `${name} without a snapshot`;
  if (head.gen !== gen) return `${name} after ${head.gen}:${head.seq} without a snapshot`;
  if (seq <= head.seq) return `${name} after ${head.seq}: repeated or falling`;
  return seq - merged > head.seq + 1 ? `${name} after ${head.seq}: a hole` : null;
}

/** The caller keeps snapshots and ticks in the order in which they came. */
export function createOrderCheck(): OrderCheck {
  const faults: string[] = [];
  const heads = new Map<string, { gen: string; seq: number }>();
  return {
    placed: (quotes) => {
      for (const { symbol, gen, seq } of quotes) heads.set(symbol, { gen, seq });
    },
    arrived: (tick) => {
      const { symbol, gen, seq } = tick;
      const fault = orderFault(heads.get(symbol), tick);
      if (fault !== null) faults.push(fault);
      heads.set(symbol, { gen, seq });
    },
    faults: () => [...faults],
  };
}
