import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDecimals,
  compareDecimals,
  decimalOfNumber,
  isDecimal,
  isPositive,
  maxDecimal,
  minDecimal,
  significantDigits,
} from './index.ts';

const decimal = fc
  .tuple(
    fc.bigInt({ min: 0n, max: 10n ** 15n }),
    fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 10 }),
  )
  .map(([whole, fraction]) => (fraction === '' ? `${whole}` : `${whole}.${fraction}`));

describe('decimals', () => {
  it.each(['0', '1', '0.00', '64250.10', '12345678901234567890'])('%s is one', (text) =>
    expect(isDecimal(text)).toBe(true),
  );
  it.each([
    '',
    '-1',
    '+1',
    '01',
    '1.',
    '.5',
    '1e5',
    ' 1',
    '1,5',
    'NaN',
    'Infinity',
    '0x10',
    '\u0661',
    '1'.repeat(41),
  ])('%s is none', (text) => expect(isDecimal(text)).toBe(false));

  it('writes numbers plainly', () => {
    const written = ['0.0000001', '0.1', '100', '64250.1', '15000000000', '0'];
    expect([1e-7, 0.1, 100, 64250.1, 1.5e10, 0].map(decimalOfNumber)).toEqual(written);
  });

  it('refuses numbers that a double may not hold exactly, or that are no price', () => {
    const refused = [NaN, Infinity, -1, -0, Number('1e400'), Number('0.12345678901234567'), 1.5e20, 1e300];
    for (const number of refused) expect(decimalOfNumber(number)).toBeNull();
  });

  it('counts digits', () => {
    expect(['0.00120', '10', '0', '1.50'].map(significantDigits)).toEqual([3, 2, 0, 3]);
    expect([isPositive('0.000'), isPositive('0.001')]).toEqual([false, true]);
  });

  it('compares by value and keeps the text', () => {
    expect(compareDecimals('1.0', '1')).toBe(0);
    expect(compareDecimals('0.9', '0.10')).toBe(1);
    expect([maxDecimal('1.0', '1'), minDecimal('2', '10')]).toEqual(['1.0', '2']);
  });

  const ofOneScale = fc
    .tuple(fc.array(fc.bigInt({ min: 0n, max: 10n ** 17n }), { minLength: 2, maxLength: 2 }), fc.nat(12))
    .map(([digits, scale]) =>
      digits.map((each) => {
        const text = String(each).padStart(scale + 1, '0');
        return scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`;
      }),
    );

  it('[W1] adds and compares as exact integers do', () => {
    fc.assert(
      fc.property(fc.oneof(fc.tuple(decimal, decimal), ofOneScale), ([a = '', b = '']) => {
        const scaled = (text: string) => {
          const [whole = '', fraction = ''] = text.split('.');
          return BigInt(whole + fraction.padEnd(12, '0'));
        };
        expect(scaled(addDecimals(a, b))).toBe(scaled(a) + scaled(b));
        expect(Math.sign(compareDecimals(a, b))).toBe(Math.sign(Number(scaled(a) - scaled(b))));
      }),
    );
  });
});
