import { describe, expect, it } from 'vitest';
import type { SymbolsChange } from '../../protocol/index.ts';
import { BackplaneUnavailable, type SymbolChanges } from '../backplane/contract.ts';
import { createLog } from '../support/log.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { assignSymbols } from './assignment.ts';
import { createSymbolList } from './symbol-list.ts';

/** A replica whose settings list A and B of push and S of the simulator. */
function setUp() {
  const clock = createManualClock();
  const assigned = assignSymbols({
    feeds: [
      { name: 'push', symbols: ['A', 'B'] },
      { name: 'simulator', symbols: ['S'] },
    ],
    symbols: undefined,
  });
  if (!assigned.ok) throw new Error('bad settings');
  const state = { fails: false, epoch: 1, note: null as string | null };
  const changes: SymbolsChange[] = [];
  const read: Record<string, readonly string[]>[] = [];
  const list = createSymbolList({
    assignment: assigned.assignment,
    notes: {
      read: async () => {
        if (state.fails) throw new BackplaneUnavailable('away');
        return state.note;
      },
      write: async (epoch, _name, text) => {
        if (epoch !== state.epoch) return false;
        state.note = text;
        return true;
      },
    },
    clock,
    log: createLog({ level: 'silent', node: 'test' }),
    onRead: (bySource) => void read.push(Object.fromEntries(bySource)),
    onChange: (change) => void changes.push(change),
  });
  const hear = (made: SymbolChanges, sources: Record<string, string[]>): void =>
    list.heard({
      changes: made,
      feed: {
        state: 'live',
        since: 0,
        reason: '',
        sources: Object.entries(sources).map(([name, symbols]) => ({ name, state: 'live', symbols })),
      },
    });
  return { clock, list, state, changes, read, hear };
}

const made = (version: number, ...feeds: SymbolChanges['feeds']): SymbolChanges => ({ version, feeds });

describe('the list of symbols of a replica', () => {
  it('[LS1] is that of the settings before anything else is known', () => {
    const { list } = setUp();
    expect(list.symbols()).toEqual(['A', 'B', 'S']);
    expect(list.isKnown()).toBe(false);
    expect([list.whyUnlisted('A'), list.whyUnlisted('X')]).toEqual([null, 'unknown_symbol']);
  });

  it('[LS5] is read at the start, again and again until it can be', async () => {
    const { clock, list, state, changes, read } = setUp();
    state.note = JSON.stringify(made(2, ['A', null], ['NEW', 'push']));
    state.fails = true;
    list.start();
    await clock.advance(5_000);
    expect([list.isKnown(), changes, read]).toEqual([false, [], []]);
    state.fails = false;
    await clock.advance(1_000);
    expect(list.isKnown()).toBe(true);
    expect(list.symbols()).toEqual(['B', 'NEW', 'S']);
    expect(list.whyUnlisted('A')).toBe('retired');
    expect(changes).toEqual([{ added: ['NEW'], retired: ['A'] }]);
    expect(read).toEqual([{ push: ['B', 'NEW'], simulator: ['S'] }]);
    expect(clock.timers()).toBe(0);
  });

  it('[LS5] is what the leader says, whatever was read or is in the settings', async () => {
    const { clock, list, state, changes, hear } = setUp();
    hear(made(3, ['A', null]), { push: ['B', 'C'], other: ['X'] });
    state.note = JSON.stringify(made(9, ['B', null]));
    list.start();
    await clock.advance(1_000);
    expect(list.symbols()).toEqual(['B', 'C', 'X']);
    expect(changes).toEqual([{ added: ['C', 'X'], retired: ['A', 'S'] }]);
    expect(list.refusePush(['B', 'C'])).toBeNull();
    expect(list.refusePush(['X'])).toMatchObject({ name: 'symbol_of_other_source' });
    expect(list.refusePush(['A'])).toMatchObject({ name: 'retired' });
    expect(list.refusePush(['A', 'NEVER'])).toMatchObject({ name: 'unknown_symbol' });
    // A leader whose settings are others: the same changes, and another list.
    hear(made(3, ['A', null]), { push: ['B'] });
    expect(changes.at(-1)).toEqual({ added: [], retired: ['C', 'X'] });
  });

  it('tells of a change once, however often the leader repeats it', () => {
    const { changes, hear } = setUp();
    for (let beat = 0; beat < 3; beat++)
      hear(made(1, ['NEW', 'push']), { push: ['A', 'B', 'NEW'], simulator: ['S'] });
    expect(changes).toEqual([{ added: ['NEW'], retired: [] }]);
  });

  it('says nothing of a symbol that only moved to another source', () => {
    const { list, changes, hear } = setUp();
    hear(made(2, ['A', 'simulator']), { push: ['B'], simulator: ['S', 'A'] });
    expect(changes).toEqual([]);
    expect(list.refusePush(['A'])).toMatchObject({ name: 'symbol_of_other_source' });
  });

  it('[LS1] lets one wait until it goes by a change, a second at most', async () => {
    const { clock, list, hear } = setUp();
    const reached: string[] = [];
    void list.reached(1).then(() => reached.push('one'));
    void list.reached(2).then(() => reached.push('two'));
    await clock.advance(500);
    hear(made(1, ['NEW', 'push']), { push: ['A', 'B', 'NEW'], simulator: ['S'] });
    await clock.advance(0);
    expect(reached).toEqual(['one']);
    await clock.advance(500);
    expect(reached).toEqual(['one', 'two']);
    await list.reached(1);
    expect(clock.timers()).toBe(0);
  });

  it('[LS5] a new leader takes over what the one before left', async () => {
    const { list, state } = setUp();
    state.note = JSON.stringify(made(4, ['A', null]));
    expect(await list.keeper.begin(1)).toEqual(made(4, ['A', null]));
    const { bySource } = list.keeper.assign(made(4, ['A', null]));
    expect(Object.fromEntries(bySource)).toEqual({ push: ['B'], simulator: ['S'] });
  });

  it('[LS6] a new leader gives a home that lost the changes those that it heard last', async () => {
    const { list, state, hear } = setUp();
    const heard = made(4, ['A', null]);
    hear(heard, { push: ['B'], simulator: ['S'] });
    for (const lost of [null, JSON.stringify(made(3, ['B', null]))]) {
      state.note = lost;
      expect(await list.keeper.begin(1)).toEqual(heard);
      expect(JSON.parse(state.note ?? '')).toEqual(heard);
    }
    state.note = null;
    expect(await list.keeper.begin(2)).toBeNull();
    expect(state.note).toBeNull();
  });

  it('reads no more once it was closed, and lets nobody wait', async () => {
    const { clock, list, state } = setUp();
    state.fails = true;
    list.start();
    const waiting = list.reached(1);
    await clock.advance(0);
    list.close();
    await waiting;
    expect(clock.timers()).toBe(0);
  });
});
