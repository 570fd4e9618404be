/** How far a price is from where the day began, exactly: decimals as text, never a float. */
import type { Decimal, Quote } from '../../../server/protocol/index.ts';
export interface Change {
  sign: 'up' | 'down' | 'same';
  /** The distance without a sign, with as many decimals as the finer of both prices. */
  amount: Decimal;
  /** Hundredths of the base without a sign, rounded half up to two decimals; null where the base is zero. */
  percent: Decimal | null;
}
/** The change against the close of the day before, or against the day's open where that is not known. */
export declare function changeOf(quote: Pick<Quote, 'price' | 'open' | 'prevClose'>): Change;
