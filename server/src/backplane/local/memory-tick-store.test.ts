/** What the memory home has of its own; what it shares with the Redis one is in the contract suite. */
import { describe, expect, it } from 'vitest';
import { maxAppendTicks, onceTtlMs, type Append, type TickDraft } from '../contract.ts';
import { createMemoryTickStore } from './memory-tick-store.ts';

function draft(symbol: string, price = '2'): TickDraft {
  return { tick: { symbol, price, ts: 1_000 }, day: { open: '1', high: '3', low: '1', volume: '7' } };
}

function createStore({ maxOnceIds = 100 } = {}) {
  let now = 0;
  let batches = 0;
  const store = createMemoryTickStore({ clock: { monotonic: () => now }, maxOnceIds });
  const claimed = store.claim(0, 1);
  if (!claimed.ok) throw new Error('an empty store refused its first claim');
  const { gen } = claimed;
  const append = (more: Partial<Append> = {}) =>
    store.append(0, { gen, epoch: 1, batchId: String(++batches), drafts: [draft('A')], ...more });
  return { store, gen, append, pass: (ms: number) => void (now += ms) };
}

describe('the tick store in memory', () => {
  it('makes another generation in another life', () => {
    expect(createStore().gen).not.toBe(createStore().gen);
  });

  it('refuses an append before any claim', () => {
    const store = createMemoryTickStore({ clock: { monotonic: () => 0 } });
    expect(store.append(0, { gen: '', epoch: 0, batchId: '', drafts: [] })).toEqual({
      ok: false,
      reason: 'generation',
    });
  });

  it('forgets an id after its time, and not before', () => {
    const { append, pass } = createStore();
    const once = { id: 'k', hash: 'h' };
    append({ once });
    pass(onceTtlMs - 1);
    expect(append({ once })).toMatchObject({ replayed: true });
    pass(1);
    expect(append({ once })).toEqual({ ok: true, seqs: [2], replayed: false });
  });

  it('forgets the oldest id when it holds as many as it may', () => {
    const { append } = createStore({ maxOnceIds: 2 });
    const add = (id: string) => append({ once: { id, hash: 'h' } });
    for (const id of ['1', '2', '3']) add(id);
    expect(add('2')).toMatchObject({ replayed: true });
    expect(add('3')).toMatchObject({ replayed: true });
    expect(add('1')).toMatchObject({ replayed: false });
  });

  it('takes a larger append than the contract allows, and a shard that it does not have, for a bug', () => {
    const { store, append } = createStore();
    const drafts = Array.from({ length: maxAppendTicks + 1 }, () => draft('A'));
    expect(() => append({ drafts })).toThrow(/at most 200 ticks/);
    expect(() => store.claim(1, 1)).toThrow(/no shard 1/);
  });

  it('keeps what it was given apart from what it gives', () => {
    const { store, gen, append } = createStore();
    const own = draft('A');
    append({ drafts: [own] });
    own.tick.price = '666';
    const [stored] = store.read([{ symbol: 'A', after: [gen, 0] }]);
    expect([stored?.quote?.price, stored?.missed?.[0]?.price]).toEqual(['2', '2']);
  });
});
