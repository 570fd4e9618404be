import { describe, expect, it } from 'vitest';
import { applyTick, type Quote } from '../../protocol/index.ts';
import { draftTick, type SourceTick } from './draft.ts';

const noon = Date.UTC(2026, 0, 1, 12);
const dayMs = 86_400_000;

function follow(before: Quote | null, source: SourceTick, dayStartMs = 0) {
  const draft = draftTick(before, source, dayStartMs);
  const quote = applyTick(before, { ...draft.tick, gen: 'gen001', seq: (before?.seq ?? 0) + 1 });
  const { open, high, low, volume, prevClose } = quote;
  expect({ open, high, low, volume, ...(prevClose !== undefined && { prevClose }) }).toEqual(draft.day);
  return { draft, quote };
}

describe('draftTick', () => {
  it('[Q3] the first tick ever opens a day and states it', () => {
    const { draft } = follow(null, { symbol: 'A', price: '10.50', size: '2', ts: noon });
    expect(draft.tick.day).toEqual({ open: '10.50', high: '10.50', low: '10.50', volume: '2' });
  });

  it('[Q1] within a day the figures follow from the tick, and are not sent', () => {
    const { quote } = follow(null, { symbol: 'A', price: '10.50', size: '2', ts: noon });
    const { draft, quote: next } = follow(quote, { symbol: 'A', price: '10.7', size: '0.25', ts: noon + 1 });
    expect(draft.tick.day).toBeUndefined();
    expect(next).toMatchObject({ open: '10.50', high: '10.7', low: '10.50', volume: '2.25' });
  });

  it('[Q2] what a source states of the day replaces what follows from the tick', () => {
    const { quote } = follow(null, { symbol: 'A', price: '10', ts: noon });
    const stated = { volume: '900', prevClose: '9.99' };
    const { draft } = follow(quote, { symbol: 'A', price: '11', ts: noon, day: stated });
    expect(draft.tick.day).toEqual({ open: '10', high: '11', low: '10', volume: '900', prevClose: '9.99' });
  });

  it('[Q2] what a source states and what follows anyway is not sent', () => {
    const { quote } = follow(null, { symbol: 'A', price: '10', ts: noon });
    const { draft } = follow(quote, { symbol: 'A', price: '11', ts: noon, day: { open: '10' } });
    expect(draft.tick.day).toBeUndefined();
  });

  it('[Q3] a new day opens with its first tick and keeps the last price as the close before', () => {
    const { quote } = follow(null, { symbol: 'A', price: '10', size: '5', ts: noon });
    const { draft } = follow(quote, { symbol: 'A', price: '12', size: '1', ts: noon + dayMs });
    expect(draft.tick.day).toEqual({ open: '12', high: '12', low: '12', volume: '1', prevClose: '10' });
  });

  it('[Q3] the day begins where DAY_START says, and a late tick stays in the day of its quote', () => {
    const { quote } = follow(null, { symbol: 'A', price: '10', ts: noon }, 12 * 3_600_000);
    const { draft } = follow(quote, { symbol: 'A', price: '9', ts: noon - 1 }, 12 * 3_600_000);
    expect(draft.tick.day).toBeUndefined();
  });
});
