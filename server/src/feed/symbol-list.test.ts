import { describe, expect, it } from 'vitest';
import type { SymbolsChange } from '../../protocol/index.ts';
import type { ListChange } from '../log/batch.ts';
import type { LogNotes, SymbolChanges } from '../log/contract.ts';
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
  const changes: SymbolsChange[] = [];
  const list = createSymbolList({
    assignment: assigned.assignment,
    clock,
    log: createLog({ level: 'silent', node: 'test' }),
    onMoved: () => {},
    onChange: (change) => void changes.push(change),
  });
  const begin = (stored: SymbolChanges, startList: LogNotes['startList'] = null): void =>
    list.begin({ list: stored, startList });
  return { clock, list, changes, begin };
}

const made = (version: number, ...feeds: SymbolChanges['feeds']): SymbolChanges => ({ version, feeds });
const added = (version: number, symbol: string): ListChange => ({
  version,
  set: [[symbol, 'push']],
  unset: [],
  forgotten: [],
});

describe('the list of symbols of a replica', () => {
  it('[LS1] is that of the settings before anything else is known', () => {
    const { list } = setUp();
    expect(list.symbols()).toEqual(['A', 'B', 'S']);
    expect([list.whyUnlisted('A'), list.whyUnlisted('X')]).toEqual([null, 'unknown_symbol']);
  });

  it('[LS5] is what the log says of it, from the notes and from every change after them', () => {
    const { list, changes, begin } = setUp();
    begin(made(2, ['A', null], ['NEW', 'push']));
    expect(list.symbols()).toEqual(['B', 'NEW', 'S']);
    list.change({ version: 3, set: [['B', null]], unset: ['A'], forgotten: [] });
    expect(list.symbols()).toEqual(['A', 'NEW', 'S']);
    expect(changes).toEqual([
      { added: ['NEW'], retired: ['A'], feeds: { NEW: 'push' } },
      { added: ['A'], retired: ['B'], feeds: { A: 'push' } },
    ]);
    expect(list.refusePush(['A', 'NEW'])).toBeNull();
    expect(list.refusePush(['S'])).toMatchObject({ name: 'symbol_of_other_source' });
    expect(list.refusePush(['B'])).toMatchObject({ name: 'retired' });
    expect(list.refusePush(['B', 'NEVER'])).toMatchObject({ name: 'unknown_symbol' });
  });

  it('[LS5] starts from the settings of the leader, if they are others', () => {
    const { list, changes, begin } = setUp();
    begin(made(3, ['A', null]), { push: ['A', 'C'], other: ['X'] });
    expect(list.symbols()).toEqual(['C', 'X']);
    expect(changes).toEqual([
      { added: ['C', 'X'], retired: ['A', 'B', 'S'], feeds: { C: 'push', X: 'other' } },
    ]);
    list.changeStart({ push: ['A', 'B'], simulator: ['S'] });
    expect(list.symbols()).toEqual(['B', 'S']);
    expect(changes.at(-1)).toMatchObject({ added: ['B', 'S'], retired: ['C', 'X'] });
  });

  it('reports nothing if a symbol only moved to another source', () => {
    const { list, changes, begin } = setUp();
    begin(made(2, ['A', 'simulator']));
    expect(changes).toEqual([]);
    expect(list.refusePush(['A'])).toMatchObject({ name: 'symbol_of_other_source' });
  });

  it('[LS1] a caller waits until the list has its change, for at most a second', async () => {
    const { clock, list } = setUp();
    const reached: string[] = [];
    void list.reached(1).then(() => reached.push('one'));
    void list.reached(2).then(() => reached.push('two'));
    await clock.advance(500);
    list.change(added(1, 'NEW'));
    await clock.advance(0);
    expect(reached).toEqual(['one']);
    await clock.advance(500);
    expect(reached).toEqual(['one', 'two']);
    await list.reached(1);
    expect(clock.timers()).toBe(0);
  });

  it('[LS6] keeps changes that the store has lost, and tells the leader so', () => {
    const { list, begin } = setUp();
    const known = made(4, ['A', null]);
    begin(known);
    expect(list.keeper.known()).toMatchObject({ changes: known, isLost: false });
    for (const lost of [made(0), made(3, ['B', null])]) {
      begin(lost);
      expect(list.keeper.known()).toMatchObject({ changes: known, isLost: true });
    }
    list.change({ version: 4, set: [['A', null]], unset: [], forgotten: [], isWhole: true });
    expect(list.keeper.known()).toMatchObject({ changes: known, isLost: false });
  });

  it('[LS5] gives the leader the list of its settings as long as the log has another one', () => {
    const { list, begin } = setUp();
    const own = { push: ['A', 'B'], simulator: ['S'] };
    expect(list.keeper.known()).toMatchObject({ startList: own, isStartListNew: true });
    begin(made(0), { push: ['A'], simulator: ['S'] });
    expect(list.keeper.known()).toMatchObject({ startList: own, isStartListNew: true });
    list.changeStart(own);
    expect(list.keeper.known()).toMatchObject({ startList: own, isStartListNew: false });
    expect(Object.fromEntries(list.keeper.assign(made(1, ['A', null])).bySource)).toEqual({
      push: ['B'],
      simulator: ['S'],
    });
  });

  it('lets nobody wait once it is closed', async () => {
    const { clock, list } = setUp();
    const waiting = list.reached(1);
    list.close();
    await waiting;
    expect(clock.timers()).toBe(0);
  });
});
