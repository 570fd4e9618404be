import { describe, expect, it } from 'vitest';
import type { Quote } from '../../protocol/index.ts';
import { createTextsOfSet, createSymbolTexts } from './symbol-texts.ts';

const day = { open: '1', high: '9', low: '1', volume: '3' };
const quote = (seq: number): Quote => {
  return { symbol: 'BTC-USD', price: `${seq}.5`, gen: 'aaaaaa', seq, ts: seq, stale: false, ...day };
};

describe('what is told of a symbol', () => {
  it('[SB5] is the head that is given, marked as its source is at that moment', () => {
    let stale = false;
    const textsOf = createSymbolTexts({ isStale: () => stale });
    const head = quote(1);
    expect(JSON.parse(textsOf(head).quote)).toEqual(head);
    stale = true;
    expect(JSON.parse(textsOf(head).quote)).toEqual({ ...head, stale: true });
    const next = quote(2);
    expect(JSON.parse(textsOf(next).quote)).toEqual({ ...next, stale: true });
    stale = false;
    expect(JSON.parse(textsOf(next).quote)).toEqual(next);
  });

  it('is an entry of the results that begins at that head', () => {
    const textsOf = createSymbolTexts({ isStale: () => false });
    const entryOf = (seq: number): unknown => JSON.parse(`{${textsOf(quote(seq)).result}}`);
    const ok = { ok: true, gen: 'aaaaaa', everyMs: 0, recovered: false, replayed: 0 };
    expect(entryOf(1)).toEqual({ 'BTC-USD': { ...ok, seq: 1 } });
    expect(entryOf(2)).toEqual({ 'BTC-USD': { ...ok, seq: 2 } });
  });

  it('is encoded once while the head is the same', () => {
    let encoded = 0;
    const head = { ...quote(1), toJSON: () => encoded++ };
    const textsOf = createSymbolTexts({ isStale: () => false });
    // The quote is spread into its text, and its `toJSON` with it.
    for (let i = 0; i < 3; i++) textsOf(head);
    expect(encoded).toBe(1);
  });

  it('[SB5] is put together once for all who ask for the same, and anew when a head changed', () => {
    const textsOf = createSymbolTexts({ isStale: () => false });
    const textsOfSet = createTextsOfSet();
    const other = { ...quote(1), symbol: 'A' };
    const told = textsOfSet([textsOf(quote(1)), textsOf(other)]);
    expect(JSON.parse(told.answer)).toEqual({
      ok: true,
      symbols: ['BTC-USD', 'A'],
      results: JSON.parse(`{${textsOf(quote(1)).result},${textsOf(other).result}}`) as unknown,
    });
    const [head, moved] = [quote(2), { ...other, seq: 2 }];
    for (const quotes of [[quote(1), other], [head, other], [head], [head, moved]]) {
      const { text } = textsOfSet(quotes.map(textsOf)).snapshot;
      expect(JSON.parse(text)).toEqual({ quotes, reason: 'subscribe' });
    }
    const next = textsOfSet([textsOf(head), textsOf(other)]);
    expect(textsOfSet([textsOf(head), textsOf(other)])).toBe(next);
  });
});
