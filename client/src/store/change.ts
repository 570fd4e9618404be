/** How far a price is from where the day began, exactly: decimals as text, never a float. */
import type { Decimal, Quote } from '../../../server/protocol/index.ts';

/** What `changeOf` finds. Figures are without a sign, so that the page may write one of its own. */
export interface Change {
  sign: 'up' | 'down' | 'same';
  /** The distance without a sign, with as many decimals as the finer of both prices. */
  amount: Decimal;
  /** Hundredths of the base without a sign, rounded half up to two decimals; null where the base is zero. */
  percent: Decimal | null;
}

/** The change against the close of the day before, or against the day's open where that is not known. */
export function changeOf(quote: Pick<Quote, 'price' | 'open' | 'prevClose'>): Change {
  const base = quote.prevClose ?? quote.open;
  const scale = Math.max(scaleOf(quote.price), scaleOf(base));
  const whole = unscaled(base, scale);
  const distance = unscaled(quote.price, scale) - whole;
  const size = distance < 0n ? -distance : distance;
  return {
    sign: distance > 0n ? 'up' : distance < 0n ? 'down' : 'same',
    amount: decimalOf(size, scale),
    percent: whole === 0n ? null : decimalOf((size * 20_000n + whole) / (2n * whole), 2),
  };
}

function scaleOf(decimal: Decimal): number {
  const point = decimal.indexOf('.');
  return point === -1 ? 0 : decimal.length - point - 1;
}

function unscaled(decimal: Decimal, scale: number): bigint {
  return BigInt(decimal.replace('.', '') + '0'.repeat(scale - scaleOf(decimal)));
}

function decimalOf(value: bigint, scale: number): Decimal {
  const digits = value.toString().padStart(scale + 1, '0');
  return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
