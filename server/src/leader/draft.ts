/**
 * From what a source says to what the store keeps: works out the day's figures, and states them on the tick where
 * they do not follow from it. Pure; SPEC.md [Q1] to [Q3].
 */
import { inspect } from 'node:util';
import {
  advanceDay,
  firstDay,
  isDecimal,
  type DayFigures,
  type Quote,
  type Tick,
} from '../../protocol/index.ts';

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

/** A tick without its place in the log, and the whole day after it. */
export interface TickDraft {
  tick: Omit<Tick, 'gen' | 'seq'>;
  day: DayFigures;
}

const dayMs = 86_400_000;

/** Why the tick cannot be appended, or null. Sources are programs, and programs have bugs: the tick may be anything. */
export function problemOf(
  tick: Readonly<Partial<Record<keyof SourceTick, unknown>>> | null | undefined,
): string | null {
  if (tick === null || tick === undefined) return 'there is none';
  const { price, size, ts, day, sourceSeq } = tick;
  if (!isDecimalText(price)) return `its price is no decimal: ${shown(price)}`;
  if (size !== undefined && !isDecimalText(size)) return `its size is no decimal: ${shown(size)}`;
  if (!Number.isSafeInteger(ts)) return `its time is not in whole milliseconds: ${shown(ts)}`;
  if (sourceSeq !== undefined && !Number.isSafeInteger(sourceSeq))
    return `its source number is no safe integer: ${shown(sourceSeq)}`;
  if (day === undefined) return null;
  if (typeof day !== 'object' || day === null) return `its day is no object: ${shown(day)}`;
  for (const [name, figure] of Object.entries(day))
    if (!isDecimalText(figure)) return `its ${name} is no decimal: ${shown(figure)}`;
  return null;
}

const isDecimalText = (value: unknown): boolean => typeof value === 'string' && isDecimal(value);
const shown = (value: unknown): string => inspect(value, { depth: 0 }).slice(0, 40);

/** The draft of a tick that follows the quote `before` (null for a symbol's first). The day begins at `dayStartMs` after midnight UTC. */
export function draftTick(before: Quote | null, source: SourceTick, dayStartMs: number): TickDraft {
  const tick: TickDraft['tick'] = { symbol: source.symbol, price: source.price, ts: source.ts };
  if (source.size !== undefined) tick.size = source.size;

  const dayOf = (ts: number): number => Math.floor((ts - dayStartMs) / dayMs);
  const sameDay = before !== null && dayOf(source.ts) <= dayOf(before.ts);
  const derived = sameDay ? advanceDay(before, tick) : firstDay(tick, before?.price);
  const day: DayFigures = source.day === undefined ? derived : { ...derived, ...source.day };
  if (!sameDay || differs(day, derived)) tick.day = day;
  return { tick, day };
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
