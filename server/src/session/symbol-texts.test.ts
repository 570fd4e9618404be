import { describe, expect, it } from 'vitest';
import type { Quote } from '../../protocol/index.ts';
import { createSymbolTexts } from './symbol-texts.ts';

const quote = (seq: number): Quote => ({
  symbol: 'BTC-USD',
  price: `${seq}.5`,
  gen: 'aaaaaa',
  seq,
  ts: seq,
  stale: false,
  open: '1',
  high: '9',
  low: '1',
  volume: '3',
});

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
});
