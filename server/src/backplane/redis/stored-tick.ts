/**
 * Ticks and quotes as text in Redis. JSON without what is known beside it (symbol, gen, seq), so that a history costs
 * little more than its prices; scripts pass it on and never read it.
 */
import { applyTick, type DayFigures, type Quote, type Tick } from '../../../protocol/index.ts';
import type { TickDraft } from '../contract.ts';

type StoredTick = Omit<Tick, 'symbol' | 'gen' | 'seq'>;

/** Between a quote's tick and its day; JSON never has one. */
const separator = '\n';

/** What a script gets of a draft: it stores `seq:tick` in the history, and both texts with a newline between as the quote. */
export function draftTexts({ tick, day }: TickDraft): { tick: string; day: string } {
  const { symbol: _, ...rest } = tick;
  return { tick: JSON.stringify(rest satisfies StoredTick), day: JSON.stringify(day) };
}

/** Reads an entry of a history. */
export function parseTick(symbol: string, gen: string, text: string): Tick {
  const colon = text.indexOf(':');
  const tick: StoredTick = JSON.parse(text.slice(colon + 1));
  return { ...tick, symbol, gen, seq: Number(text.slice(0, colon)) };
}

/** Reads a quote. */
export function parseQuote(symbol: string, gen: string, seq: number, text: string): Quote {
  const end = text.indexOf(separator);
  const tick: StoredTick = JSON.parse(text.slice(0, end));
  const day: DayFigures = JSON.parse(text.slice(end + 1));
  return applyTick(null, { ...tick, symbol, gen, seq, day });
}
