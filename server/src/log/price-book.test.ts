import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatchWriter } from '../../test/support/stand-ins/log-batches.ts';
import { BrokenOrder, createPriceBook, type TickPlace } from './price-book.ts';

function setUp({ windowMs = 1_000, maxWindowBytes = 1_000_000, maxReplayTicks = 1_000 } = {}) {
  let now = 0;
  const book = createPriceBook({ windowMs, maxWindowBytes, maxReplayTicks, monotonic: () => now });
  const writer = createBatchWriter();
  book.begin(writer.state());
  const apply = (...prices: (readonly [string, string])[]) => book.apply(writer.next(prices));
  return { book, writer, apply, pass: (ms: number) => void (now += ms) };
}

const seqs = (places: readonly TickPlace[] | null) =>
  places?.map(({ batch, place }) => batch.seqs[place]) ?? null;

describe('the prices of a replica', () => {
  it('are the last quotes, and what a client missed is every tick behind its position, oldest first', () => {
    const { book, apply } = setUp();
    apply(['A', '1'], ['B', '1'], ['A', '2']);
    apply(['B', '2']);
    apply(['A', '3'], ['A', '4']);
    expect(book.quote('A')).toMatchObject({ price: '4', seq: 4, high: '4', low: '1' });
    expect([book.seq('A'), book.seq('C'), book.quote('C')]).toEqual([4, 0, null]);
    expect(seqs(book.missedSince('A', ['gen001', 1], 100))).toEqual([2, 3, 4]);
    expect(seqs(book.missedSince('B', ['gen001', 2], 100))).toEqual([]);
    expect(seqs(book.missedSince('C', ['gen001', 0], 100))).toEqual([]);
  });

  it('[RC2] give nothing for a position of no known place, and nothing beyond the most', () => {
    const { book, apply } = setUp();
    apply(['A', '1'], ['A', '2'], ['A', '3']);
    for (const position of [
      ['gen000', 1],
      ['gen001', 4],
      ['gen001', NaN],
      ['gen001', 0.5],
    ] as [string, number][])
      expect(book.missedSince('A', position, 100)).toBeNull();
    expect(seqs(book.missedSince('A', ['gen001', 0], 2))).toEqual([1, 2]);
    expect(book.missedCount('A', ['gen001', 0])).toBe(3);
  });

  it('[RC3] count what was missed up to the most that a client gets again', () => {
    const { book, apply } = setUp({ maxReplayTicks: 3 });
    for (let price = 1; price <= 5; price++) apply(['A', `${price}`]);
    expect([1, 2, 3, 5].map((seq) => book.missedCount('A', ['gen001', seq]))).toEqual([null, 3, 2, 0]);
    expect(seqs(book.missedSince('A', ['gen001', 1], 9))).toEqual([2, 3, 4, 5]);
  });

  it('[RC4] know a position that is ahead, and one of a generation that is over', () => {
    const { book, apply } = setUp();
    apply(['A', '1']);
    expect(book.isAhead('A', ['gen001', 1])).toBe(false);
    expect(book.isAhead('A', ['gen001', 2])).toBe(true);
    expect(book.isAhead('A', ['gen002', 1])).toBe(true);
    book.begin(createBatchWriter('gen002').state());
    expect(book.isAhead('A', ['gen001', 2])).toBe(false);
  });

  it('[RC2] are of the window only: by its age, and by its bytes', () => {
    const { book, apply, pass } = setUp();
    apply(['A', '1']);
    pass(600);
    apply(['A', '2']);
    pass(600);
    apply(['A', '3']);
    expect([book.oldest(), book.missedSince('A', ['gen001', 0], 9)]).toEqual([2, null]);
    expect(book.missedCount('A', ['gen001', 0])).toBeNull();
    expect(seqs(book.missedSince('A', ['gen001', 1], 9))).toEqual([2, 3]);
    const small = setUp({ maxWindowBytes: 600 });
    for (let price = 1; price <= 20; price++) small.apply(['A', `${price}`]);
    const kept = small.book.batchesAfter(small.book.oldest() - 1, 99) ?? [];
    expect(kept.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(600);
    expect(small.book.missedSince('A', ['gen001', 1], 99)).toBeNull();
    expect(seqs(small.book.missedSince('A', ['gen001', 19], 99))).toEqual([20]);
    expect(small.book.quote('A')?.price).toBe('20');
  });

  it('refuse a batch that does not follow, and ticks that do not, and have then changed nothing', () => {
    const { book, writer, apply } = setUp();
    apply(['A', '1']);
    const tick = { symbol: 'A', gen: 'gen001', seq: 3, price: '9', ts: 1 };
    for (const more of [
      { number: 3 },
      { number: 1 },
      { gen: 'gen002' },
      { ticks: [{ ...tick, symbol: 'B', seq: 1 }, tick], days: ['0', '0'] },
    ]) {
      const bad = createBatchWriter().next([], { number: 2, ...more });
      expect(() => book.apply(bad)).toThrow(BrokenOrder);
    }
    expect([book.number(), book.quote('A')?.price, book.quote('B')]).toEqual([1, '1', null]);
    book.apply(writer.next([['A', '2']]));
    expect(book.quote('A')?.price).toBe('2');
  });

  it('[Q1] have the quote that the ticks lead to, whenever somebody asks, also if its batch has left the window', () => {
    const { book, writer, apply, pass } = setUp();
    const asked = ['5', '9', '7', '3', '4'].map((price) => {
      apply(['A', price], ['B', price]);
      pass(600);
      return book.quote('A');
    });
    for (const [place, quote] of asked.entries()) expect(quote).toMatchObject({ seq: place + 1, open: '5' });
    expect(asked.map((quote) => [quote?.high, quote?.low])).toEqual([
      ['5', '5'],
      ['9', '5'],
      ['9', '5'],
      ['9', '3'],
      ['9', '3'],
    ]);
    for (let left = 0; left < 4; left++) {
      apply(['A', '4']);
      pass(600);
    }
    expect(book.oldest()).toBeGreaterThan(5);
    expect(book.quote('B')).toEqual({ ...asked.at(-1), symbol: 'B' });
    expect([...book.quotes()]).toEqual(writer.state().quotes.map(({ quote }) => quote));
  });

  it('begin with the quotes of the store; batches from before them are for clients that come back', () => {
    const writer = createBatchWriter();
    const past = [
      writer.next([['A', '1']]),
      writer.next([
        ['A', '2'],
        ['B', '1'],
      ]),
    ];
    const { book } = setUp();
    book.begin(writer.state());
    book.addPast(past);
    expect(seqs(book.missedSince('A', ['gen001', 0], 9))).toEqual([1, 2]);
    book.apply(writer.next([['A', '3']]));
    expect(seqs(book.missedSince('A', ['gen001', 0], 9))).toEqual([1, 2, 3]);
    expect(book.batchesAfter(1, 1)?.map(({ number }) => number)).toEqual([2]);
    expect(book.batchesAfter(3, 9)).toEqual([]);
  });

  it('[SQ4] keep their price in a new generation and begin at seq 1, also those that the store has lost', () => {
    const { book, apply } = setUp();
    apply(['A', '1.50'], ['B', '2']);
    const quote = book.quote('A');
    if (quote === null) throw new Error('A has a price');
    const after = createBatchWriter('gen002');
    book.begin(after.state({ quotes: [{ quote, sourceSeq: 7 }] }));
    expect(book.quote('A')).toMatchObject({ price: '1.50', gen: 'gen002', seq: 0 });
    expect(book.quote('B')).toMatchObject({ price: '2', gen: 'gen002', seq: 0 });
    expect([book.sourceSeq('A'), book.lost().map((one) => one.quote.symbol)]).toEqual([7, ['B']]);
    book.apply(
      after.next([
        ['A', '3'],
        ['B', '3'],
      ]),
    );
    expect([book.seq('A'), book.seq('B')]).toEqual([1, 1]);
    // Its quote is not made before somebody asks.
    expect(book.lost()).toEqual([]);
    expect(book.missedSince('A', ['gen001', 1], 9)).toBeNull();
  });

  it('[LS4] forget symbols, and let a new one go on behind the highest seq that went', () => {
    const { book, writer, apply } = setUp();
    apply(['A', '1'], ['A', '2'], ['B', '1']);
    const forgotten = ['A'];
    book.apply(
      writer.next([], { records: [{ kind: 'list', version: 1, set: [], unset: ['A'], forgotten }] }),
    );
    expect([book.quote('A'), book.seq('A'), book.floor()]).toEqual([null, 2, 2]);
    expect(book.quote('B')?.price).toBe('1');
  });

  it('give every tick behind every position, whatever the batches are', () => {
    const prices = fc.array(fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.constantFrom('1', '2')), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.array(prices, { maxLength: 30 }), (batches) => {
        const { book, apply } = setUp();
        for (const batch of batches) apply(...batch);
        for (const symbol of ['A', 'B', 'C']) {
          const last = book.seq(symbol);
          for (let seq = 0; seq <= last; seq++)
            expect(seqs(book.missedSince(symbol, ['gen001', seq], 1_000))).toEqual(
              Array.from({ length: last - seq }, (_, index) => seq + 1 + index),
            );
        }
      }),
    );
  });
});
