/**
 * From what a source says to what the store keeps: works out the day's figures, and states them on the tick where
 * they do not follow from it. Pure; SPEC.md [Q1] to [Q3].
 */
import { advanceDay, firstDay, type DayFigures, type Quote } from '../../protocol/index.ts';
import type { TickDraft } from '../backplane/contract.ts';

/** A price change as a source reports it; `day` holds what the source itself states of the day. */
export interface SourceTick {
  symbol: string;
  price: string;
  size?: string;
  /** Epoch milliseconds. */
  ts: number;
  day?: Partial<DayFigures>;
  /** The source's own number of this tick, rising per symbol; what is not newer is not taken again. */
  sourceSeq?: number;
}

const dayMs = 86_400_000;

/** The draft of a tick that follows the quote `before` (null for a symbol's first). The day begins at `dayStartMs` after midnight UTC. */
export function draftTick(before: Quote | null, source: SourceTick, dayStartMs: number): TickDraft {
  const tick: TickDraft['tick'] = { symbol: source.symbol, price: source.price, ts: source.ts };
  if (source.size !== undefined) tick.size = source.size;

  const dayOf = (ts: number): number => Math.floor((ts - dayStartMs) / dayMs);
  const sameDay = before !== null && dayOf(source.ts) <= dayOf(before.ts);
  const derived = sameDay ? advanceDay(before, tick) : firstDay(tick, before?.price);
  const day: DayFigures = { ...derived, ...source.day };
  if (!sameDay || differs(day, derived)) tick.day = day;
  return source.sourceSeq === undefined ? { tick, day } : { tick, day, sourceSeq: source.sourceSeq };
}

function differs(a: DayFigures, b: DayFigures): boolean {
  return (
    a.open !== b.open ||
    a.high !== b.high ||
    a.low !== b.low ||
    a.volume !== b.volume ||
    a.prevClose !== b.prevClose
  );
}
