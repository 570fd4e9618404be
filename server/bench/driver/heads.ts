/** Where a client stands in each symbol, and what the next tick is to it. Knows no sockets. */
import type { SeenTick } from './tick-reader.ts';

/** Instead of a seq: the client did not ask for the symbol. */
export const notAsked = -2;
/** Instead of a seq: it asked, and the answer named none. The first tick says where it stands. */
export const unknown = -1;

/** `gap`: ticks before it are missing. `repeat`: it came before. `stray`: nobody asked for its symbol. */
export type Place = 'next' | 'gap' | 'repeat' | 'stray';

/** Says what the tick is to these heads, one for each symbol, and moves its symbol's head to it where it is newer. */
export function follow(heads: Int32Array, { symbol, seq, merged }: SeenTick): Place {
  const head = heads[symbol] ?? notAsked;
  if (head === notAsked) return 'stray';
  if (head !== unknown && seq <= head) return 'repeat';
  heads[symbol] = seq;
  return head === unknown || seq - merged <= head + 1 ? 'next' : 'gap';
}
