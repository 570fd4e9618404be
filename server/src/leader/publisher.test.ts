import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { refusal, type Tick } from '../../protocol/index.ts';
import {
  BackplaneUnavailable,
  type Announcement,
  type SymbolChanges,
  type TickStore,
} from '../backplane/contract.ts';
import { createMemoryTickStore } from '../backplane/local/memory-tick-store.ts';
import { createLog } from '../support/log.ts';
import { createManualClock } from '../../test/support/manual-clock.ts';
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
  let emit: ((ticks: SourceTick[]) => void) | null = null;
  const assignments: string[] = [];
  const source: TickSource = {
    name: 'test',
    assign: (symbols) => void assignments.push(symbols.join()),
    start: ({ quotes, onTicks, onState }) => {
      log.push(
        `start from ${['A', 'B'].flatMap((symbol) => (quotes.get(symbol) === undefined ? [] : `${symbol} ${quotes.get(symbol)?.price}`)).join(', ') || 'nothing'}`,
      );
      emit = onTicks;
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
  return {
    figures,
    clock,
    memory,
    log,
    ticks,
    announcements,
    faults,
    assignments,
    notes,
    state,
    publisher,
    emit: (batch: SourceTick[]) => emit?.(batch),
  };
}

const tick = (symbol: string, price: string): SourceTick => ({ symbol, price, ts: 1_700_000_000_000 });
const shown = (ticks: readonly Tick[]) => ticks.map(({ symbol, seq, price }) => `${symbol}:${seq} ${price}`);

describe('createPublisher', () => {
  it('[PB1] claims the store, then starts the sources from its quotes', async () => {
    const { clock, log, publisher, emit, ticks } = setUp();
    publisher.lead(1);
    expect(log).toEqual([]);
    await clock.advance(0);
    emit([tick('A', '1'), tick('A', '2'), tick('B', '7')]);
    await clock.advance(0);
    expect(shown(ticks)).toEqual(['A:1 1', 'A:2 2', 'B:1 7']);
    publisher.follow();
    publisher.lead(2);
    await clock.advance(0);
    expect(log).toEqual(['start from nothing', 'stop', 'start from A 2, B 7']);
  });

  it('[PB2] has one append in flight, and what came meanwhile goes as one', async () => {
    const { clock, state, publisher, emit, ticks } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    let release = (): void => {};
    state.hold = new Promise((resolve) => (release = resolve));
    for (let price = 1; price <= 5; price++) emit([tick('A', `${price}`)]);
    await clock.advance(0);
    expect(state.appends).toBe(1);
    release();
    await clock.advance(0);
    expect(state.appends).toBe(2);
    expect(shown(ticks)).toEqual(['A:1 1', 'A:2 2', 'A:3 3', 'A:4 4', 'A:5 5']);
  });

  it('[PB2] a later tick of one batch follows from the earlier one', async () => {
    const { clock, publisher, emit, memory } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    emit([tick('A', '5'), tick('A', '9'), tick('A', '2')].map((one) => ({ ...one, size: '1' })));
    await clock.advance(0);
    expect(memory.read([{ symbol: 'A' }])[0]?.quote).toMatchObject({
      open: '5',
      high: '9',
      low: '2',
      volume: '3',
    });
  });

  it('[PB3] emits nothing that the store refused, and the term ends', async () => {
    const { clock, memory, publisher, emit, ticks, faults } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    memory.claim(0, 2);
    emit([tick('A', '1')]);
    await clock.advance(0);
    expect([ticks, faults]).toEqual([[], ['1: a newer leader claimed the store']]);
  });

  it('[PB4] a store that does not answer ends the term; waiting pushes are refused', async () => {
    const { clock, state, publisher, faults } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    state.fails = true;
    const outcomes = await Promise.all([
      publisher.push({ ticks: [tick('A', '1')] }),
      publisher.push({ ticks: [tick('A', '2')] }),
    ]);
    expect(outcomes).toMatchObject([
      { ok: false, refusal: { name: 'push_unconfirmed' } },
      { ok: false, refusal: { name: 'no_leader' } },
    ]);
    expect(faults).toEqual(['1: an append failed']);
  });

  it.each([true, false])(
    '[PB6] ticks of a source whose append got no answer (stored: %s) are told once, by the next term',
    async (isStored) => {
      const { clock, state, publisher, emit, ticks, memory, figures } = setUp();
      publisher.lead(1);
      await clock.advance(0);
      emit([tick('A', '1')]);
      await clock.advance(0);
      state.fails = true;
      state.losesAnswers = isStored;
      emit([{ ...tick('A', '2'), size: '5' }]);
      await clock.advance(0);
      expect(shown(ticks)).toEqual(['A:1 1']);
      state.fails = false;
      publisher.lead(2);
      await clock.advance(0);
      emit([tick('A', '3')]);
      await clock.advance(0);
      expect(shown(ticks)).toEqual(['A:1 1', 'A:2 2', 'A:3 3']);
      expect(memory.read([{ symbol: 'A' }])[0]?.quote).toMatchObject({ seq: 3, volume: '5' });
      expect(figures).toEqual([
        'received 1',
        'appended 1',
        'received 1',
        'refused: unavailable',
        'retried',
        'appended 1',
        'received 1',
        'appended 1',
      ]);
    },
  );

  it('[LS1][LS2] tells of a retired symbol behind its last tick, and takes no more pushes of it', async () => {
    const { clock, state, publisher, emit, ticks, announcements, assignments, notes } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    expect(assignments).toEqual(['A,B']);
    let release = (): void => {};
    state.hold = new Promise((resolve) => (release = resolve));
    emit([tick('A', '1')]);
    await clock.advance(0);
    emit([tick('A', '2')]);
    const before = announcements.length;
    const changing = publisher.changeList({ act: 'retire', symbol: 'A' });
    await clock.advance(0);
    expect(assignments).toEqual(['A,B', 'B']);
    expect(await publisher.push({ ticks: [tick('A', '9')] })).toMatchObject({
      refusal: { name: 'unknown_symbol' },
    });
    // Beats go on meanwhile, and say nothing of it.
    await clock.advance(500);
    const listed = () => announcements.at(-1)?.feed.sources[0]?.symbols;
    expect([announcements.length, listed(), announcements.at(-1)?.changes.version]).toEqual([
      before + 1,
      ['A', 'B'],
      0,
    ]);
    release();
    expect(await changing).toEqual({ ok: true, isChange: true, feed: null, version: 1 });
    expect(shown(ticks)).toEqual(['A:1 1', 'A:2 2']);
    expect([listed(), announcements.at(-1)?.changes]).toEqual([['B'], { version: 1, feeds: [['A', null]] }]);
    expect(notes).toHaveLength(1);
  });

  it('[LS3] takes no push before the list is taken over', async () => {
    const { clock, publisher, ticks } = setUp();
    publisher.lead(1);
    const early = ['X', 'A'].map((symbol) => publisher.push({ ticks: [tick(symbol, '1')] }));
    await clock.advance(0);
    for (const outcome of early) expect(await outcome).toMatchObject({ refusal: { name: 'no_leader' } });
    const [unlisted, listed] = ['X', 'A'].map((symbol) => publisher.push({ ticks: [tick(symbol, '2')] }));
    expect(await unlisted).toMatchObject({ refusal: { name: 'unknown_symbol' } });
    expect(await listed).toMatchObject({ ok: true });
    expect(shown(ticks)).toEqual(['A:1 2']);
  });

  it('[LS1] makes changes one after another, and the next term goes on with them', async () => {
    const { clock, publisher, announcements, assignments } = setUp();
    expect(await publisher.changeList({ act: 'add', symbol: 'C' })).toMatchObject({
      refusal: { name: 'no_leader' },
    });
    publisher.lead(1);
    await clock.advance(0);
    const outcomes = await Promise.all(
      ['C', 'D'].map((symbol) => publisher.changeList({ act: 'add', symbol })),
    );
    expect(outcomes).toMatchObject([{ version: 1 }, { version: 2, feed: 'test' }]);
    publisher.follow();
    publisher.lead(2);
    await clock.advance(0);
    expect(assignments.at(-1)).toBe('A,B,C,D');
    expect(announcements.at(-1)).toMatchObject({ epoch: 2, changes: { version: 2 } });
    expect(await publisher.push({ ticks: [tick('D', '1')] })).toMatchObject({ ok: true });
  });

  it('[LS1] a change that cannot be kept is not made, and ends the term', async () => {
    const { clock, state, publisher, announcements, assignments, faults } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    state.fails = true;
    expect(await publisher.changeList({ act: 'retire', symbol: 'A' })).toMatchObject({
      ok: false,
      refusal: { name: 'list_unconfirmed', retry: 'later' },
    });
    expect(faults).toEqual(['1: the list of symbols could not be kept']);
    expect([assignments, announcements.at(-1)?.changes.version]).toEqual([['A,B'], 0]);
  });

  it('[LS7] a change that was kept and not told before the term ended is unconfirmed, and the next term makes it', async () => {
    const { clock, state, publisher, emit, announcements, assignments } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    state.hold = new Promise(() => {});
    emit([tick('A', '1')]);
    const changing = publisher.changeList({ act: 'retire', symbol: 'A' });
    await clock.advance(0);
    publisher.follow();
    expect(await changing).toMatchObject({ ok: false, refusal: { name: 'list_unconfirmed' } });
    expect([assignments.at(-1), announcements.at(-1)?.changes.version]).toEqual(['B', 0]);
  });

  it('[PB6] they are left alone where another leader may have come between', async () => {
    const { clock, state, publisher, emit, ticks } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    state.fails = true;
    emit([tick('A', '1')]);
    await clock.advance(0);
    state.fails = false;
    publisher.lead(3);
    await clock.advance(0);
    emit([tick('A', '2')]);
    await clock.advance(0);
    expect(shown(ticks)).toEqual(['A:1 2']);
  });

  it('[PB7] a source is not heard twice, across terms too', async () => {
    const { clock, publisher, emit, ticks } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    const numbered = (sourceSeq: number) => ({ ...tick('A', `${sourceSeq}`), sourceSeq });
    emit([numbered(7), numbered(7), numbered(8)]);
    await clock.advance(0);
    publisher.follow();
    publisher.lead(2);
    await clock.advance(0);
    emit([numbered(7), numbered(8), numbered(9)]);
    await clock.advance(0);
    expect(shown(ticks)).toEqual(['A:1 7', 'A:2 8', 'A:3 9']);
  });

  it('[SQ8] a new leader repeats every head, since the one before may have stored what it never told', async () => {
    const { clock, publisher, emit, announcements } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    emit([tick('A', '1'), tick('A', '2'), tick('B', '1')]);
    await clock.advance(500);
    expect(announcements.at(-1)?.heads.map(([symbol, , seq]) => `${symbol}:${seq}`)).toEqual(['A:2', 'B:1']);
    await clock.advance(5_000);
    expect(announcements.at(-1)?.heads).toEqual([]);
    publisher.follow();
    publisher.lead(2);
    await clock.advance(0);
    expect(announcements.at(-1)?.heads.map(([symbol, , seq]) => `${symbol}:${seq}`)).toEqual(['A:2', 'B:1']);
  });

  it('[LD3] asks before each append whether it still leads', async () => {
    const { clock, state, publisher } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    state.mayAppend = false;
    expect(await publisher.push({ ticks: [tick('A', '1')] })).toMatchObject({
      ok: false,
      refusal: { name: 'no_leader' },
    });
    expect(state.appends).toBe(0);
  });

  it('refuses a push without a term, and one that waits when the term ends', async () => {
    const { clock, state, publisher } = setUp();
    expect(await publisher.push({ ticks: [tick('A', '1')] })).toMatchObject({
      ok: false,
      refusal: { name: 'no_leader', retry: 'later' },
    });
    publisher.lead(1);
    await clock.advance(0);
    state.hold = new Promise(() => {});
    void publisher.push({ ticks: [tick('A', '1')] });
    const waiting = publisher.push({ ticks: [tick('A', '2')] });
    publisher.follow();
    expect(await waiting).toMatchObject({ ok: false, refusal: { name: 'no_leader' } });
  });

  it('[PB5] the same push counts once, also in parts; another body under its id is refused', async () => {
    const { clock, publisher, ticks } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    const batch = {
      ticks: Array.from({ length: 450 }, (_, index) => tick('A', `${index + 1}`)),
      once: { id: 'x', hash: 'h' },
    };
    const first = await publisher.push(batch);
    const again = await publisher.push(batch);
    expect(first).toMatchObject({ ok: true, replayed: false });
    expect(again).toEqual({ ...first, replayed: true });
    expect(ticks).toHaveLength(450);
    expect(await publisher.push({ ...batch, once: { id: 'x', hash: 'other' } })).toMatchObject({
      ok: false,
      refusal: { name: 'idempotency_conflict' },
    });
  });

  it('[PB5] a push that was counted in part when the term ended is unconfirmed', async () => {
    const { clock, publisher, state, ticks } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    let release = (): void => {};
    state.hold = new Promise((resolve) => (release = resolve));
    const pushed = publisher.push({
      ticks: Array.from({ length: 450 }, (_, index) => tick('A', `${index + 1}`)),
    });
    await clock.advance(0);
    publisher.follow();
    release();
    expect(await pushed).toMatchObject({ ok: false, refusal: { name: 'push_unconfirmed' } });
    expect(ticks).toHaveLength(200);
  });

  it('announces its term with each beat, until it ends', async () => {
    const { clock, publisher, announcements } = setUp();
    publisher.lead(3);
    await clock.advance(1_000);
    const before = announcements.length;
    expect(announcements.at(-1)).toMatchObject({
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
    const { announcements, clock, log, publisher, emit, state, ticks } = setUp();
    publisher.lead(1);
    await clock.advance(0);
    emit([tick('A', '1')]);
    const outcome = publisher.setPaused(true);
    await clock.advance(0);
    expect(await outcome).toEqual({ ok: true, isChange: true });
    expect(shown(ticks)).toEqual(['A:1 1']);
    expect(log.at(-1)).toBe('stop');
    expect(announcements.at(-1)?.feed).toMatchObject({
      state: 'stale',
      reason: 'paused',
      sources: [{ name: 'test', state: 'stale' }],
    });
    expect(await publisher.push({ ticks: [tick('A', '2')] })).toMatchObject({
      ok: false,
      refusal: { name: 'feed_paused' },
    });
    expect(await publisher.setPaused(true)).toEqual({ ok: true, isChange: false });
    expect(state.isPaused).toBe(true);

    expect(await publisher.setPaused(false)).toEqual({ ok: true, isChange: true });
    expect(log.at(-1)).toBe('start from A 1');
    expect(announcements.at(-1)?.feed).toMatchObject({ state: 'live', reason: '' });
    const pushed = publisher.push({ ticks: [tick('A', '2')] });
    await clock.advance(0);
    expect(await pushed).toMatchObject({ ok: true });
  });

  it('[FP2] begins its term paused where the leader before left it so, and lists symbols all the same', async () => {
    const { announcements, clock, log, publisher, state } = setUp();
    state.isPaused = true;
    publisher.lead(2);
    await clock.advance(0);
    expect(log).toEqual([]);
    expect(announcements.at(-1)?.feed).toMatchObject({ state: 'stale', reason: 'paused' });
    expect(await publisher.changeList({ act: 'add', symbol: 'C' })).toMatchObject({ ok: true });
    expect(announcements.at(-1)?.feed).toMatchObject({ reason: 'paused' });
    expect(await publisher.setPaused(false)).toMatchObject({ ok: true });
    expect(log).toEqual(['start from nothing']);
  });

  it('[FP2] takes no push before it knows whether the feed is paused', async () => {
    const { clock, publisher, state, ticks } = setUp();
    state.isPaused = true;
    publisher.lead(2);
    const early = publisher.push({ ticks: [tick('A', '1')] });
    await clock.advance(0);
    expect(await early).toMatchObject({ ok: false, refusal: { name: 'no_leader', retry: 'later' } });
    expect(await publisher.push({ ticks: [tick('A', '2')] })).toMatchObject({
      refusal: { name: 'feed_paused' },
    });
    expect(ticks).toEqual([]);
  });
});
