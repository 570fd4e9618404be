/**
 * Where a client is in each symbol's stream, and what a tick means there. Every comparison of seq compares the
 * generation first.
 */
import type { Position, Tick } from '../../../server/protocol/index.ts';

/**
 * `next`: it follows. `passed`: it, or a later one, was seen. `gap`: ticks before it are missing. `unplaced`: it cannot
 * be placed, for it is of another generation, or not the first where no snapshot came yet.
 */
export type TickPlace = 'next' | 'passed' | 'gap' | 'unplaced';

/** Where the tick stands to the position; `position` is undefined before the symbol's first quote. */
export function placeOf(position: Position | undefined, tick: Tick): TickPlace {
  const firstSeq = tick.seq - (tick.merged ?? 0);
  if (position === undefined) return firstSeq <= 1 ? 'next' : 'unplaced';
  const [gen, seq] = position;
  if (tick.gen !== gen) return 'unplaced';
  if (tick.seq <= seq) return 'passed';
  return firstSeq <= seq + 1 ? 'next' : 'gap';
}
