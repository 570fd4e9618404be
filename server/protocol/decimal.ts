/**
 * Decimal numbers as text: checked, compared and added without ever becoming a float, so that what came in goes
 * out digit for digit. Only non-negative numbers occur here.
 */
import { limits } from './limits.ts';
import type { Decimal } from './types.ts';

const pattern = /^(0|[1-9][0-9]*)(\.[0-9]+)?$/;

/** Whether the text is a plain non-negative decimal: `0`, `64250.10`; no sign, exponent, blanks or leading zeros. */
export function isDecimal(text: string): boolean {
  return text.length <= limits.maxDecimalLength && pattern.test(text);
}

/** How many digits count, from the first that is not zero: 3 for `0.00120`. */
export function significantDigits(decimal: Decimal): number {
  return decimal.replace('.', '').replace(/^0+/, '').length;
}

/** Whether the decimal is more than nothing. */
export function isPositive(decimal: Decimal): boolean {
  return /[1-9]/.test(decimal);
}

/**
 * Writes a number as a plain decimal (`1e-7` becomes `0.0000001`), or gives null where it is negative, not finite,
 * or has more digits than a double holds for certain (15): the caller must then send text.
 */
export function decimalOfNumber(value: number): Decimal | null {
  if (!Number.isFinite(value) || value < 0 || Object.is(value, -0)) return null;
  const [mantissa = '', exponent] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const shift = Number(exponent ?? 0);
  if (Math.abs(shift) > limits.maxDecimalLength) return null;
  const digits = whole + fraction;
  const point = whole.length + shift;
  const text =
    point <= 0
      ? `0.${'0'.repeat(-point)}${digits}`
      : point >= digits.length
        ? digits + '0'.repeat(point - digits.length)
        : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return isDecimal(text) && significantDigits(text) <= 15 ? text : null;
}

const zeroCode = '0'.charCodeAt(0);
const pointCode = '.'.charCodeAt(0);
/** The digits of a text up to this long, and the sum of two, are exact as a double. */
const maxPlainLength = 15;

function scaleOf(decimal: Decimal): number {
  const point = decimal.indexOf('.');
  return point === -1 ? 0 : decimal.length - point - 1;
}

function scaled(decimal: Decimal, scale: number): bigint {
  return BigInt(decimal.replace('.', '') + '0'.repeat(scale - scaleOf(decimal)));
}

/** Negative, zero or positive as a is less than, equal to or more than b; `1.0` equals `1`. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  if (a === b) return 0;
  const whole = wholeDigitsOf(a);
  const longer = whole - wholeDigitsOf(b);
  // There are no leading zeros: more digits before the point are more.
  if (longer !== 0) return Math.sign(longer);
  const length = Math.max(a.length, b.length);
  for (let at = 0; at < length; at++) {
    if (at === whole) continue;
    const more = digitAt(a, at) - digitAt(b, at);
    if (more !== 0) return Math.sign(more);
  }
  return 0;
}

function wholeDigitsOf(decimal: Decimal): number {
  const point = decimal.indexOf('.');
  return point === -1 ? decimal.length : point;
}

/** The character code of the digit there, or of the zero that could be written there. */
function digitAt(decimal: Decimal, at: number): number {
  return at < decimal.length ? decimal.charCodeAt(at) : zeroCode;
}

/** Whether both are of one scale and short, as nearly all are: they are added as doubles, the rest as big integers. */
function arePlain(a: Decimal, b: Decimal): boolean {
  return a.length <= maxPlainLength && b.length <= maxPlainLength && scaleOf(a) === scaleOf(b);
}

/** The digits as one whole number: digit by digit, in a third of the time that cutting the point out of the text takes. */
function digitsOf(decimal: Decimal): number {
  let digits = 0;
  for (let at = 0; at < decimal.length; at++) {
    const code = decimal.charCodeAt(at);
    if (code !== pointCode) digits = digits * 10 + code - zeroCode;
  }
  return digits;
}

/** The exact sum, with as many decimals as the finer of both. */
export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(scaleOf(a), scaleOf(b));
  const sum = arePlain(a, b) ? digitsOf(a) + digitsOf(b) : scaled(a, scale) + scaled(b, scale);
  const digits = sum.toString().padStart(scale + 1, '0');
  return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The larger of both, as it was written; a where they are equal. */
export function maxDecimal(a: Decimal, b: Decimal): Decimal {
  return compareDecimals(a, b) >= 0 ? a : b;
}

/** The smaller of both, as it was written; a where they are equal. */
export function minDecimal(a: Decimal, b: Decimal): Decimal {
  return compareDecimals(a, b) <= 0 ? a : b;
}
