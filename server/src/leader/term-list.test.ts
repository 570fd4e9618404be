import { describe, expect, it } from 'vitest';
import type { SymbolChanges } from '../backplane/contract.ts';
import type { Unlisted } from './lane.ts';
import { createTermList, type ListKeeper } from './term-list.ts';

/** A term whose keeper remembers the last two retired symbols. */
function setUp(before: SymbolChanges = { version: 0, feeds: [] }) {
  const events: string[] = [];
  const drops: Unlisted[] = [];
  let holdDrop: Promise<void> = Promise.resolve();
  let canDrop = true;
  const keeper: ListKeeper = {
    begin: async () => before,
    plan: (made, { act, symbol }) => {
      const others = made.feeds.filter(([name]) => name !== symbol);
      const feeds = [...others, [symbol, act === 'add' ? 'push' : null] as const];
      const forgotten = new Set(feeds.filter(([, feed]) => feed === null).slice(0, -2));
      const kept = feeds.filter((entry) => !forgotten.has(entry));
      return { ok: true, feed: null, changes: { version: made.version + 1, feeds: kept } };
    },
    write: async () => (events.push('written'), true),
    assign: () => ({ bySource: new Map(), refusePush: () => null }),
  };
  const list = createTermList({
    epoch: 1,
    keeper,
    sources: [],
    mayAppend: () => true,
    settled: async () => (events.push('settled'), true),
    drop: async (symbols) => {
      await holdDrop;
      if (!canDrop) return false;
      drops.push(symbols);
      events.push('dropped');
      return true;
    },
    onChange: () => events.push('told'),
    onFault: (reason) => events.push(reason),
  });
  const retire = async (...symbols: string[]): Promise<void> => {
    for (const symbol of symbols) await list.change({ act: 'retire', symbol });
  };
  return {
    list,
    retire,
    events,
    drops,
    hold: (until: Promise<void>) => void (holdDrop = until),
    letDrop: (can: boolean) => void (canDrop = can),
  };
}

const dropOf = (symbol: string): Unlisted => ({ retired: [symbol], forgotten: [] });

describe('createTermList', () => {
  it('[LS4] drops what was retired once its last tick is out and all are told', async () => {
    const { list, retire, events, drops } = setUp();
    await list.begin();
    await retire('A', 'B');
    expect(drops.slice(1)).toEqual([dropOf('A'), dropOf('B')]);
    expect(events.slice(1, 5)).toEqual(['written', 'settled', 'told', 'dropped']);
  });

  it('[LS4] drops all of what is to be forgotten while it is remembered', async () => {
    const { list, retire, events, drops } = setUp();
    await list.begin();
    await retire('A', 'B', 'C');
    expect(drops.slice(3)).toEqual([{ retired: [], forgotten: ['A'] }, dropOf('C')]);
    expect(events.slice(-5)).toEqual(['dropped', 'written', 'settled', 'told', 'dropped']);
  });

  it('[LS4] remembers what could not be dropped: the change is not made until it can', async () => {
    const { list, retire, events, drops, letDrop } = setUp();
    await list.begin();
    await retire('A', 'B');
    const [before, version] = [events.length, list.changes().version];
    letDrop(false);
    const refused = await list.change({ act: 'retire', symbol: 'C' });
    expect(refused).toMatchObject({ ok: false, refusal: { name: 'list_unconfirmed' } });
    expect([events.length, list.changes().version]).toEqual([before, version]);
    letDrop(true);
    expect(await list.change({ act: 'retire', symbol: 'C' })).toMatchObject({ ok: true, isChange: true });
    expect(drops.slice(3)).toEqual([{ retired: [], forgotten: ['A'] }, dropOf('C')]);
  });

  it('drops nothing of what is added again', async () => {
    const { list, drops } = setUp();
    await list.begin();
    await list.change({ act: 'retire', symbol: 'A' });
    await list.change({ act: 'add', symbol: 'A' });
    expect(drops.slice(1)).toEqual([dropOf('A')]);
  });

  it('drops again what leaders before retired, and the next change waits for it', async () => {
    const { list, events, drops, hold } = setUp({
      version: 2,
      feeds: Object.entries({ A: null, B: 'push' }),
    });
    let release = (): void => {};
    hold(new Promise((resolve) => (release = resolve)));
    expect(await list.begin()).toBe(true);
    const changed = list.change({ act: 'add', symbol: 'A' });
    expect([drops, events]).toEqual([[], []]);
    release();
    await changed;
    expect(drops).toEqual([dropOf('A')]);
    expect(events).toEqual(['dropped', 'written', 'settled', 'told']);
  });
});
