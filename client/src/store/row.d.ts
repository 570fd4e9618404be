/** One line of the board: what is known of a symbol, and how it came to be. Pure; rows are never changed, only followed. */
import { type Decimal, type Quote, type Tick } from '../../../server/protocol/index.ts';
export type Direction = 'up' | 'down' | 'same';
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
  problem: string | null;
}
export declare function emptyRow(symbol: string): Row;
/** The row after a tick that the stream let pass. */
export declare function rowAfterTick(row: Row, tick: Tick): Row;
/** The row after a quote that takes the place of what was known. */
export declare function rowWithQuote(row: Row, quote: Quote): Row;
