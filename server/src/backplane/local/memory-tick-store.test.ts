import { describe, expect, it } from 'vitest';
import type { TickDraft } from '../contract.ts';
import { maxAppendTicks, onceTtlMs } from '../contract.ts';
import { createMemoryTickStore } from './memory-tick-store.ts';

const day = { open: '1', high: '3', low: '1', volume: '7' };

function draft(symbol: string, price = '2'): TickDraft {
  return { tick: { symbol, price, ts: 1_000 }, day };
}

function createStore({ maxOnceIds = 100 } = {}) {
  let now = 0;
  const store = createMemoryTickStore({ clock: { monotonic: () => now }, maxOnceIds });
  const claim = (epoch: number): string => {
    const claimed = store.claim(epoch);
    if (!claimed.ok) throw new Error(`epoch ${epoch} was refused`);
    return claimed.gen;
  };
  return { store, claim, pass: (ms: number) => void (now += ms) };
}

describe('the tick store in memory', () => {
  it('has no generation before the first claim, and keeps the one that the first claim made', () => {
    const { store, claim } = createStore();
    expect(store.quotes(['A'])).toEqual({ gen: null, quotes: [] });
    const gen = claim(1);
    expect(gen).toMatch(/^[A-Za-z0-9]{6}$/);
    expect(claim(2)).toBe(gen);
    expect(store.quotes([]).gen).toBe(gen);
  });

  it('makes another generation in another life', () => {
    expect(createStore().claim(1)).not.toBe(createStore().claim(1));
  });

  it('counts seq per symbol from 1, across appends and leaders', () => {
    const { store, claim } = createStore();
    const gen = claim(1);
    const first = store.append({ gen, epoch: 1, drafts: [draft('A'), draft('B'), draft('A')] });
    expect(first).toEqual({ ok: true, seqs: [1, 1, 2], replayed: false });
    claim(2);
    const second = store.append({ gen, epoch: 2, drafts: [draft('A')] });
    expect(second).toEqual({ ok: true, seqs: [3], replayed: false });
  });

  it('refuses another generation and an epoch that is not the claimed one, and then stores nothing', () => {
    const { store, claim } = createStore();
    const gen = claim(2);
    const drafts = [draft('A')];
    expect(store.append({ gen: 'other0', epoch: 2, drafts })).toEqual({ ok: false, reason: 'generation' });
    expect(store.append({ gen, epoch: 1, drafts })).toEqual({ ok: false, reason: 'epoch' });
    expect(store.append({ gen, epoch: 3, drafts })).toEqual({ ok: false, reason: 'epoch' });
    expect(store.quotes(['A']).quotes).toEqual([]);
  });

  it('refuses an append before any claim', () => {
    const { store } = createStore();
    expect(store.append({ gen: '', epoch: 0, drafts: [] })).toEqual({ ok: false, reason: 'generation' });
  });

  it('refuses the claim of an older epoch and lets the same epoch claim again', () => {
    const { store, claim } = createStore();
    claim(2);
    expect(store.claim(1)).toEqual({ ok: false, reason: 'epoch' });
    expect(store.claim(2)).toMatchObject({ ok: true });
  });

  it('keeps the last quote with the day as the draft stated it, and gives all of them to a claim', () => {
    const { store, claim } = createStore();
    const gen = claim(1);
    const tick = { symbol: 'A', price: '2.50', size: '0.10', ts: 5 };
    store.append({ gen, epoch: 1, drafts: [{ tick, day: { ...day, prevClose: '9' } }] });
    const quote = { ...tick, ...day, prevClose: '9', gen, seq: 1, stale: false };
    expect(store.quotes(['A', 'NONE'])).toEqual({ gen, quotes: [quote] });
    expect(store.claim(2)).toEqual({ ok: true, gen, quotes: [quote] });
  });

  it('counts an append with the same id once, also for a later leader', () => {
    const { store, claim } = createStore();
    const gen = claim(1);
    const once = { id: 'k', hash: 'h' };
    store.append({ gen, epoch: 1, drafts: [draft('A')], once });
    claim(2);
    const repeated = store.append({ gen, epoch: 2, drafts: [draft('A', '9')], once });
    expect(repeated).toEqual({ ok: true, seqs: [1], replayed: true });
    expect(store.quotes(['A']).quotes[0]).toMatchObject({ seq: 1, price: '2' });
  });

  it('refuses an id that was used with another hash', () => {
    const { store, claim } = createStore();
    const append = { gen: claim(1), epoch: 1, drafts: [draft('A')] };
    store.append({ ...append, once: { id: 'k', hash: 'h' } });
    const other = store.append({ ...append, once: { id: 'k', hash: 'other' } });
    expect(other).toEqual({ ok: false, reason: 'once' });
  });

  it('forgets an id after its time, and not before', () => {
    const { store, claim, pass } = createStore();
    const append = { gen: claim(1), epoch: 1, drafts: [draft('A')], once: { id: 'k', hash: 'h' } };
    store.append(append);
    pass(onceTtlMs - 1);
    expect(store.append(append)).toMatchObject({ replayed: true });
    pass(1);
    expect(store.append(append)).toEqual({ ok: true, seqs: [2], replayed: false });
  });

  it('forgets the oldest id when it holds as many as it may', () => {
    const { store, claim } = createStore({ maxOnceIds: 2 });
    const append = { gen: claim(1), epoch: 1, drafts: [draft('A')] };
    const add = (id: string) => store.append({ ...append, once: { id, hash: 'h' } });
    for (const id of ['1', '2', '3']) add(id);
    expect(add('2')).toMatchObject({ replayed: true });
    expect(add('3')).toMatchObject({ replayed: true });
    expect(add('1')).toMatchObject({ replayed: false });
  });

  it('takes a larger append than the contract allows for a bug', () => {
    const { store, claim } = createStore();
    const drafts = Array.from({ length: maxAppendTicks + 1 }, () => draft('A'));
    expect(() => store.append({ gen: claim(1), epoch: 1, drafts })).toThrow(/at most 200 ticks/);
  });
});
