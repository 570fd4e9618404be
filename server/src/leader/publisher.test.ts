import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { refusal, type CodeName, type Tick } from '../../protocol/index.ts';
import {
  BackplaneUnavailable,
  type Announcement,
  type SymbolChanges,
  type TickStore,
} from '../backplane/contract.ts';
import { createMemoryTickStore } from '../backplane/local/memory-tick-store.ts';
import { createLog } from '../support/log.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import type { SourceTick } from './draft.ts';
import { createPublisher, type TickSource } from './publisher.ts';
import type { ListKeeper } from './term-list.ts';

function setUp() {
  const clock = createManualClock();
  const memory = createMemoryTickStore({ clock });
  const log: string[] = [];
  const ticks: Tick[] = [];
  const announcements: Announcement[] = [];
  const faults: string[] = [];
  const figures: string[] = [];
  const state = {
    mayAppend: true,
    fails: false,
    losesAnswers: false,
    hold: null as Promise<void> | null,
    appends: 0,
    isPaused: false,
  };
  let emitTicks: ((ticks: SourceTick[]) => void) | null = null;
  const assignments: string[] = [];
  const source: TickSource = {
    name: 'test',
    assign: (symbols) => void assignments.push(symbols.join()),
    start: ({ quotes, onTicks, onState }) => {
      log.push(
        `start from ${['A', 'B'].flatMap((symbol) => (quotes.get(symbol) === undefined ? [] : `${symbol} ${quotes.get(symbol)?.price}`)).join(', ') || 'nothing'}`,
      );
      emitTicks = onTicks;
      onState({ at: 'live' });
    },
    stop: () => log.push('stop'),
  };
  const start = new Map([['test', ['A', 'B']]]);
  const notes: SymbolChanges[] = [];
  const symbolList: ListKeeper = {
    begin: async () => notes.at(-1) ?? { version: 0, feeds: [] },
    plan: ({ version, feeds }, request) => {
      const feed = request.act === 'add' ? 'test' : null;
      return { ok: true, feed, changes: { version: version + 1, feeds: [...feeds, [request.symbol, feed]] } };
    },
    write: async (_epoch, changes) => {
      if (state.fails) throw new BackplaneUnavailable('away');
      notes.push(changes);
      return true;
    },
    assign: ({ feeds }) => {
      const symbols = new Set(start.get('test'));
      for (const [symbol, feed] of feeds) if (feed === null) symbols.delete(symbol);
      for (const [symbol, feed] of feeds) if (feed !== null) symbols.add(symbol);
      const isUnlisted = (symbol: string) => !symbols.has(symbol);
      return {
        bySource: new Map([['test', [...symbols]]]),
        refusePush: (pushed) => ([...pushed].some(isUnlisted) ? refusal('unknown_symbol') : null),
      };
    },
  };
  const tickStore: TickStore = {
    shards: memory.shards,
    shardOf: memory.shardOf,
    claim: async (shard, epoch) => memory.claim(shard, epoch),
    append: async (shard, append) => {
      state.appends++;
      await state.hold;
      const outcome = state.losesAnswers || !state.fails ? memory.append(shard, append) : null;
      if (state.fails || outcome === null) throw new BackplaneUnavailable('away');
      return outcome;
    },
    retire: async (shard, retirement) => memory.retire(shard, retirement),
    read: async (requests) => memory.read(requests),
  };
  const publisher = createPublisher({
    node: 'n1',
    tickStore,
    sources: [source],
    symbolList,
    pauseNote: {
      begin: async () => state.isPaused,
      write: async (_epoch, isPaused) => {
        state.isPaused = isPaused;
        return true;
      },
    },
    clock,
    log: createLog({ level: 'silent', node: 'test' }),
    dayStartMs: 0,
    beatMs: 500,
    makeBatchId: randomUUID,
    onReceived: (received) => figures.push(`received ${received.length}`),
    onAppended: (count) => figures.push(`appended ${count}`),
    onRefused: (reason) => figures.push(`refused: ${reason}`),
    onRetried: () => figures.push('retried'),
    mayAppend: () => state.mayAppend,
    onTick: (tick) => ticks.push(tick),
    onAnnounce: (announcement) => announcements.push(announcement),
    onFault: (epoch, reason) => {
      faults.push(`${epoch}: ${reason}`);
      publisher.follow();
    },
  });
  const lead = async (epoch: number): Promise<void> => {
    publisher.lead(epoch);
    await clock.advance(0);
  };
  const emit = (...batch: SourceTick[]): void => emitTicks?.(batch);
  return {
    figures,
    clock,
    lead,
    memory,
    log,
    ticks,
    announcements,
    faults,
    assignments,
    notes,
    state,
    publisher,
    emit,
    /** Emits ticks and waits until the store has answered. */
    give: async (...batch: SourceTick[]): Promise<void> => {
      emit(...batch);
      await clock.advance(0);
    },
    /** Appends get no answer until the returned function is called. */
    holdAppends(): () => void {
      let release = (): void => {};
      state.hold = new Promise((resolve) => (release = resolve));
      return () => release();
    },
    push: (symbol: string, price = '1') => publisher.push({ ticks: [tick(symbol, price)] }),
    change: (act: 'add' | 'retire', symbol: string) => publisher.changeList({ act, symbol }),
    last: () => announcements.at(-1),
  };
}

/** A publisher in its first term. */
async function leading() {
  const test = setUp();
  await test.lead(1);
  return test;
}

const tick = (symbol: string, price: string): SourceTick => ({ symbol, price, ts: 1_700_000_000_000 });
const ticksOfA = (count: number) => Array.from({ length: count }, (_, index) => tick('A', `${index + 1}`));
const refused = (name: CodeName, more: object = {}) => ({ ok: false, refusal: { name, ...more } });
const shown = (ticks: readonly Tick[]) => ticks.map(({ symbol, seq, price }) => `${symbol}:${seq} ${price}`);

describe('createPublisher', () => {
  it('[PB1] claims the store, then starts the sources from its quotes', async () => {
    const { clock, lead, log, ticks, publisher, give } = setUp();
    publisher.lead(1);
    expect(log).toEqual([]);
    await clock.advance(0);
    await give(tick('A', '1'), tick('A', '2'), tick('B', '7'));
    expect(shown(ticks)).toEqual(['A:1 1', 'A:2 2', 'B:1 7']);
    publisher.follow();
    await lead(2);
    expect(log).toEqual(['start from nothing', 'stop', 'start from A 2, B 7']);
  });

  it('[PB2] has one append in flight, and what came meanwhile goes as one', async () => {
    const { clock, ticks, state, emit, holdAppends } = await leading();
    const release = holdAppends();
    for (const one of ticksOfA(5)) emit(one);
    await clock.advance(0);
    expect(state.appends).toBe(1);
    release();
    await clock.advance(0);
    expect(state.appends).toBe(2);
    expect(shown(ticks)).toEqual(['A:1 1', 'A:2 2', 'A:3 3', 'A:4 4', 'A:5 5']);
  });

  it('[PB2] a later tick of one batch follows from the earlier one', async () => {
    const { memory, give } = await leading();
    await give(...['5', '9', '2'].map((price) => ({ ...tick('A', price), size: '1' })));
    const day = { open: '5', high: '9', low: '2', volume: '3' };
    expect(memory.read([{ symbol: 'A' }])[0]?.quote).toMatchObject(day);
  });

  it('[PB3] emits nothing that the store refused, and the term ends', async () => {
    const { memory, ticks, faults, give } = await leading();
    memory.claim(0, 2);
    await give(tick('A', '1'));
    expect([ticks, faults]).toEqual([[], ['1: a newer leader claimed the store']]);
  });

  it('[PB4] a store that does not answer ends the term; waiting pushes are refused', async () => {
    const { faults, state, push } = await leading();
    state.fails = true;
    const outcomes = await Promise.all([push('A'), push('A', '2')]);
    expect(outcomes).toMatchObject([refused('push_unconfirmed'), refused('no_leader')]);
    expect(faults).toEqual(['1: an append failed']);
  });

  it.each([true, false])(
    '[PB6] ticks of a source whose append got no answer (stored: %s) are told once, by the next term',
    async (isStored) => {
      const { figures, lead, memory, ticks, state, give } = await leading();
      await give(tick('A', '1'));
      state.fails = true;
      state.losesAnswers = isStored;
      await give({ ...tick('A', '2'), size: '5' });
      expect(shown(ticks)).toEqual(['A:1 1']);
      state.fails = false;
      await lead(2);
      await give(tick('A', '3'));
      expect(shown(ticks)).toEqual(['A:1 1', 'A:2 2', 'A:3 3']);
      expect(memory.read([{ symbol: 'A' }])[0]?.quote).toMatchObject({ seq: 3, volume: '5' });
      const taken = ['received 1', 'appended 1'];
      const retried = ['received 1', 'refused: unavailable', 'retried', 'appended 1'];
      expect(figures).toEqual([...taken, ...retried, ...taken]);
    },
  );

  it('[LS1][LS2] tells of a retired symbol behind its last tick, and takes no more pushes of it', async () => {
    const { clock, ticks, announcements, assignments, notes, emit, give, holdAppends, push, change, last } =
      await leading();
    expect(assignments).toEqual(['A,B']);
    const release = holdAppends();
    await give(tick('A', '1'));
    emit(tick('A', '2'));
    const before = announcements.length;
    const changing = change('retire', 'A');
    await clock.advance(0);
    expect(assignments).toEqual(['A,B', 'B']);
    expect(await push('A', '9')).toMatchObject(refused('unknown_symbol'));
    // Beats go on meanwhile, and say nothing of it.
    await clock.advance(500);
    const listed = () => last()?.feed.sources[0]?.symbols;
    expect([announcements.length, listed(), last()?.changes.version]).toEqual([before + 1, ['A', 'B'], 0]);
    release();
    expect(await changing).toEqual({ ok: true, isChange: true, feed: null, version: 1 });
    expect(shown(ticks)).toEqual(['A:1 1', 'A:2 2']);
    expect([listed(), last()?.changes]).toEqual([['B'], { version: 1, feeds: [['A', null]] }]);
    expect(notes).toHaveLength(1);
  });

  it('[LS3] takes no push before the list is taken over', async () => {
    const { clock, ticks, publisher, push } = setUp();
    publisher.lead(1);
    const early = ['X', 'A'].map((symbol) => push(symbol));
    await clock.advance(0);
    for (const outcome of early) expect(await outcome).toMatchObject(refused('no_leader'));
    const [unlisted, listed] = ['X', 'A'].map((symbol) => push(symbol, '2'));
    expect(await unlisted).toMatchObject(refused('unknown_symbol'));
    expect(await listed).toMatchObject({ ok: true });
    expect(shown(ticks)).toEqual(['A:1 2']);
  });

  it('[LS1] makes changes one after another, and the next term goes on with them', async () => {
    const { lead, assignments, publisher, push, change, last } = setUp();
    expect(await change('add', 'C')).toMatchObject(refused('no_leader'));
    await lead(1);
    const outcomes = await Promise.all(['C', 'D'].map((symbol) => change('add', symbol)));
    expect(outcomes).toMatchObject([{ version: 1 }, { version: 2, feed: 'test' }]);
    publisher.follow();
    await lead(2);
    expect(assignments.at(-1)).toBe('A,B,C,D');
    expect(last()).toMatchObject({ epoch: 2, changes: { version: 2 } });
    expect(await push('D')).toMatchObject({ ok: true });
  });

  it('[LS1] a change that cannot be kept is not made, and ends the term', async () => {
    const { faults, assignments, state, change, last } = await leading();
    state.fails = true;
    expect(await change('retire', 'A')).toMatchObject(refused('list_unconfirmed', { retry: 'later' }));
    expect(faults).toEqual(['1: the list of symbols could not be kept']);
    expect([assignments, last()?.changes.version]).toEqual([['A,B'], 0]);
  });

  it('[LS7] a change that was kept and not told before the term ended is unconfirmed, and the next term makes it', async () => {
    const { clock, assignments, publisher, emit, holdAppends, change, last } = await leading();
    holdAppends();
    emit(tick('A', '1'));
    const changing = change('retire', 'A');
    await clock.advance(0);
    publisher.follow();
    expect(await changing).toMatchObject(refused('list_unconfirmed'));
    expect([assignments.at(-1), last()?.changes.version]).toEqual(['B', 0]);
  });

  it('[PB6] they are left alone where another leader may have come between', async () => {
    const { lead, ticks, state, give } = await leading();
    state.fails = true;
    await give(tick('A', '1'));
    state.fails = false;
    await lead(3);
    await give(tick('A', '2'));
    expect(shown(ticks)).toEqual(['A:1 2']);
  });

  it('[PB7] a source is not heard twice, across terms too', async () => {
    const { lead, ticks, publisher, give } = await leading();
    const numbered = (sourceSeq: number) => ({ ...tick('A', `${sourceSeq}`), sourceSeq });
    await give(numbered(7), numbered(7), numbered(8));
    publisher.follow();
    await lead(2);
    await give(numbered(7), numbered(8), numbered(9));
    expect(shown(ticks)).toEqual(['A:1 7', 'A:2 8', 'A:3 9']);
  });

  it('[SQ8] a new leader repeats every head, since the one before may have stored what it never told', async () => {
    const { clock, lead, publisher, emit, last } = await leading();
    emit(tick('A', '1'), tick('A', '2'), tick('B', '1'));
    await clock.advance(500);
    const heads = () => last()?.heads.map(([symbol, , seq]) => `${symbol}:${seq}`);
    expect(heads()).toEqual(['A:2', 'B:1']);
    await clock.advance(5_000);
    expect(heads()).toEqual([]);
    publisher.follow();
    await lead(2);
    expect(heads()).toEqual(['A:2', 'B:1']);
  });

  it('[LD3] asks before each append whether it still leads', async () => {
    const { state, push } = await leading();
    state.mayAppend = false;
    expect(await push('A')).toMatchObject(refused('no_leader'));
    expect(state.appends).toBe(0);
  });

  it('refuses a push without a term, and one that waits when the term ends', async () => {
    const { lead, publisher, holdAppends, push } = setUp();
    expect(await push('A')).toMatchObject(refused('no_leader', { retry: 'later' }));
    await lead(1);
    holdAppends();
    void push('A');
    const waiting = push('A', '2');
    publisher.follow();
    expect(await waiting).toMatchObject(refused('no_leader'));
  });

  it('[PB5] the same push counts once, also in parts; another body under its id is refused', async () => {
    const { ticks, publisher } = await leading();
    const batch = { ticks: ticksOfA(450), once: { id: 'x', hash: 'h' } };
    const first = await publisher.push(batch);
    const again = await publisher.push(batch);
    expect(first).toMatchObject({ ok: true, replayed: false });
    expect(again).toEqual({ ...first, replayed: true });
    expect(ticks).toHaveLength(450);
    expect(await publisher.push({ ...batch, once: { id: 'x', hash: 'other' } })).toMatchObject(
      refused('idempotency_conflict'),
    );
  });

  it('[PB5] a push that was counted in part when the term ended is unconfirmed', async () => {
    const { clock, ticks, publisher, holdAppends } = await leading();
    const release = holdAppends();
    const pushed = publisher.push({ ticks: ticksOfA(450) });
    await clock.advance(0);
    publisher.follow();
    release();
    expect(await pushed).toMatchObject(refused('push_unconfirmed'));
    expect(ticks).toHaveLength(200);
  });

  it('announces its term with each beat, until it ends', async () => {
    const { clock, announcements, publisher, last } = setUp();
    publisher.lead(3);
    await clock.advance(1_000);
    const before = announcements.length;
    expect(last()).toMatchObject({
      node: 'n1',
      epoch: 3,
      feed: { state: 'live', sources: [{ name: 'test', state: 'live' }] },
    });
    expect(before).toBeGreaterThanOrEqual(3);
    publisher.follow();
    await clock.advance(1_000);
    expect(announcements).toHaveLength(before);
  });

  it('[FP1] is paused and resumed: sources stop and start, pushes are refused, and what was taken before is out before it is told', async () => {
    const { clock, log, ticks, state, publisher, emit, push, last } = await leading();
    emit(tick('A', '1'));
    const outcome = publisher.setPaused(true);
    await clock.advance(0);
    expect(await outcome).toEqual({ ok: true, isChange: true });
    expect(shown(ticks)).toEqual(['A:1 1']);
    expect(log.at(-1)).toBe('stop');
    expect(last()?.feed).toMatchObject({
      state: 'stale',
      reason: 'paused',
      sources: [{ name: 'test', state: 'stale' }],
    });
    expect(await push('A', '2')).toMatchObject(refused('feed_paused'));
    expect(await publisher.setPaused(true)).toEqual({ ok: true, isChange: false });
    expect(state.isPaused).toBe(true);

    expect(await publisher.setPaused(false)).toEqual({ ok: true, isChange: true });
    expect(log.at(-1)).toBe('start from A 1');
    expect(last()?.feed).toMatchObject({ state: 'live', reason: '' });
    const pushed = push('A', '2');
    await clock.advance(0);
    expect(await pushed).toMatchObject({ ok: true });
  });

  it('[FP2] begins its term paused where the leader before left it so, and lists symbols all the same', async () => {
    const { lead, log, state, publisher, change, last } = setUp();
    state.isPaused = true;
    await lead(2);
    expect(log).toEqual([]);
    expect(last()?.feed).toMatchObject({ state: 'stale', reason: 'paused' });
    expect(await change('add', 'C')).toMatchObject({ ok: true });
    expect(last()?.feed).toMatchObject({ reason: 'paused' });
    expect(await publisher.setPaused(false)).toMatchObject({ ok: true });
    expect(log).toEqual(['start from nothing']);
  });

  it('[FP2] takes no push before it knows whether the feed is paused', async () => {
    const { clock, ticks, state, publisher, push } = setUp();
    state.isPaused = true;
    publisher.lead(2);
    const early = push('A');
    await clock.advance(0);
    expect(await early).toMatchObject(refused('no_leader', { retry: 'later' }));
    expect(await push('A', '2')).toMatchObject(refused('feed_paused'));
    expect(ticks).toEqual([]);
  });
});
