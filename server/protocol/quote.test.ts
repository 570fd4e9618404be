import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyTick, mergeTicks, type DayFigures, type Decimal, type Quote, type Tick } from './index.ts';

const decimal: fc.Arbitrary<Decimal> = fc
  .tuple(fc.nat(2_000), fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 3 }))
  .map(([whole, fraction]) => (fraction === '' ? `${whole}` : `${whole}.${fraction}`));

const day: fc.Arbitrary<DayFigures> = fc.record(
  { open: decimal, high: decimal, low: decimal, volume: decimal, prevClose: decimal },
  { requiredKeys: ['open', 'high', 'low', 'volume'] },
);

const parts = { price: decimal, ts: fc.nat(), size: decimal, high: decimal, low: decimal, day };
type Figures = Omit<Tick, 'symbol' | 'gen' | 'seq'>;
const figures: fc.Arbitrary<Figures> = fc.oneof(
  fc.record(parts, { requiredKeys: ['price', 'ts'] }),
  fc.record({ ...parts, merged: fc.nat(9) }, { requiredKeys: ['price', 'ts', 'merged', 'high', 'low'] }),
  // Stands for ticks of which only what they led to is known.
  fc.record({ price: decimal, ts: fc.nat(), merged: fc.nat(9), day }),
);

/** Ticks in a row, of which any may be merged. */
const row = (length: number): fc.Arbitrary<Tick[]> =>
  fc.array(figures, { minLength: length, maxLength: length }).map((all) => {
    let seq = 100;
    return all.map((one) => {
      seq += 1 + (one.merged ?? 0);
      return { symbol: 'BTC-USD', gen: 'abcdef', seq, ...one };
    });
  });

/** A quote to begin with; null, as for a new symbol, only where the first tick states the day. */
const before = fc.record({ price: decimal, day });

function quoteOf({ price, day: known }: { price: Decimal; day: DayFigures }): Quote {
  return { symbol: 'BTC-USD', price, gen: 'abcdef', seq: 100, ts: 0, stale: false, ...known };
}

function withoutSize(quote: Quote): object {
  return { ...quote, size: undefined };
}

describe('merging', () => {
  it('[W4] a quote is the same after the merged tick as after both', () => {
    fc.assert(
      fc.property(before, row(2), (start, [a, b]) => {
        if (a === undefined || b === undefined) throw new Error('two ticks');
        for (const quote of a.day === undefined ? [quoteOf(start)] : [quoteOf(start), null]) {
          const both = applyTick(applyTick(quote, a), b);
          expect(withoutSize(applyTick(quote, mergeTicks(a, b)))).toEqual(withoutSize(both));
        }
      }),
    );
  });

  it('[W4] it does not matter which are merged first', () => {
    fc.assert(
      fc.property(row(3), ([a, b, c]) => {
        if (a === undefined || b === undefined || c === undefined) throw new Error('three ticks');
        expect(mergeTicks(mergeTicks(a, b), c)).toEqual(mergeTicks(a, mergeTicks(b, c)));
      }),
    );
  });

  it('[W3] it stands for every tick of both', () => {
    fc.assert(
      fc.property(row(2), ([a, b]) => {
        if (a === undefined || b === undefined) throw new Error('two ticks');
        const { seq, merged = 0 } = mergeTicks(a, b);
        expect([seq, seq - merged]).toEqual([b.seq, a.seq - (a.merged ?? 0)]);
      }),
    );
  });

  it('[W4] states no figures of its own where it does not know them all', () => {
    const known: DayFigures = { open: '1', high: '9', low: '1', volume: '7' };
    const a: Tick = { symbol: 'X', gen: 'g', seq: 5, ts: 1, price: '3', merged: 3, day: known };
    const b: Tick = { symbol: 'X', gen: 'g', seq: 6, ts: 2, price: '4', size: '2' };
    expect(mergeTicks(a, b)).toEqual({
      symbol: 'X',
      gen: 'g',
      seq: 6,
      ts: 2,
      price: '4',
      merged: 4,
      day: { ...known, volume: '9' },
    });
  });

  it('[W1] prices stay as they were written, and sizes are added exactly', () => {
    const a: Tick = { symbol: 'X', gen: 'g', seq: 1, ts: 1, price: '10.0', size: '0.1' };
    const b: Tick = { symbol: 'X', gen: 'g', seq: 2, ts: 2, price: '9.50', size: '0.20' };
    expect(mergeTicks(a, b)).toEqual({ ...b, merged: 1, high: '10.0', low: '9.50', size: '0.30' });
    expect(mergeTicks({ ...a, size: '9007199254740993' }, b).size).toBe('9007199254740993.20');
  });
});
