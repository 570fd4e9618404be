import { assert, bigInt, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeOf } from './change.ts';

function text(cents: bigint): string {
  return `${cents / 100n}.${(cents % 100n).toString().padStart(2, '0')}`;
}

describe('changeOf', () => {
  it.each([
    [{ price: '64250.10', open: '1', prevClose: '64000' }, 'up', '250.10', '0.39'],
    [{ price: '64250.10', open: '64000.5' }, 'up', '249.60', '0.39'],
    [{ price: '0.9985', open: '1' }, 'down', '0.0015', '0.15'],
    [{ price: '7', open: '7.00' }, 'same', '0.00', '0.00'],
    [{ price: '3', open: '2' }, 'up', '1', '50.00'],
    [{ price: '5', open: '0' }, 'up', '5', null],
    [{ price: '0.00000012', open: '0.00000010' }, 'up', '0.00000002', '20.00'],
    [{ price: '100.005', open: '100' }, 'up', '0.005', '0.01'],
  ] as const)('%o is %s by %s, %s %%', (quote, sign, amount, percent) => {
    expect(changeOf(quote)).toEqual({ sign, amount, percent });
  });

  it('[W1] is exact for numbers that a double cannot hold', () => {
    const cents = bigInt({ min: 100n, max: 10n ** 24n });
    assert(
      property(cents, cents, (price, open) => {
        const { sign, amount } = changeOf({ price: text(price), open: text(open) });
        const distance = BigInt(amount.replace('.', '')) * (sign === 'down' ? -1n : 1n);
        expect(open + distance).toBe(price);
      }),
    );
  });
});
