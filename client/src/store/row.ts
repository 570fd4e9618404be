/** One line of the board: what is known of a symbol, and how it came to be. Pure; rows are never changed, only followed. */
import {
  applyTick,
  compareDecimals,
  type Decimal,
  type Quote,
  type Tick,
} from '../../../server/protocol/index.ts';

/** Where the newest quote is from the price before it; `same` for the first one too. */
export type Direction = 'up' | 'down' | 'same';

/** What is known of one chosen symbol. */
export interface Row {
  symbol: string;
  /** Null before the first price. */
  quote: Quote | null;
  /** Where the last change led. */
  direction: Direction;
  /** The price before the last change; null while there was none. */
  previous: Decimal | null;
  /** How often the price was told; rises with each tick. */
  ticks: number;
  /** Why the server does not serve the symbol; null where it does. */
  problem: Problem | null;
}

/** A refusal of one symbol; one that is passing is asked about again. */
export interface Problem {
  /** The refusal's. */
  name: string;
  message: string;
  isPassing: boolean;
}

/** The row of a symbol that was just chosen, before the server said anything of it. */
export function emptyRow(symbol: string): Row {
  return { symbol, quote: null, direction: 'same', previous: null, ticks: 0, problem: null };
}

/** The row after a tick that the stream let pass. */
export function rowAfterTick(row: Row, tick: Tick): Row {
  return { ...rowWithQuote(row, applyTick(row.quote, tick)), ticks: row.ticks + 1 };
}

/** The row after a quote that takes the place of what was known. */
export function rowWithQuote(row: Row, quote: Quote): Row {
  const moved = row.quote === null ? 0 : compareDecimals(quote.price, row.quote.price);
  return {
    ...row,
    quote,
    problem: null,
    direction: moved > 0 ? 'up' : moved < 0 ? 'down' : 'same',
    previous: moved === 0 ? row.previous : (row.quote?.price ?? null),
  };
}
