import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { assignSymbols } from '../feed/assignment.ts';
import { createFeedPause } from '../feed/pause.ts';
import { createSymbolList } from '../feed/symbol-list.ts';
import type { Announcement } from '../backplane/contract.ts';
import { createLogReader } from '../log/log-reader.ts';
import { createMemoryLog } from '../log/memory-log.ts';
import { createPriceBook } from '../log/price-book.ts';
import { createLog } from '../support/log.ts';
import type { PushOutcome, UnsureAppend } from './appender.ts';
import type { SourceTick } from './draft.ts';
import { createTerm, type Term, type TickSource } from './term.ts';

const window = { windowMs: 60_000, maxWindowBytes: 1e6 };

/** A source in the test's hands. */
function createSource(name: string) {
  const events: string[] = [];
  let onTicks: (ticks: SourceTick[]) => void = () => {};
  let onState: Parameters<TickSource['start']>[0]['onState'] = () => {};
  const source: TickSource = {
    name,
    assign: (symbols) => events.push(`assign ${symbols.join()}`),
    start: (from) => {
      ({ onTicks, onState } = from);
      events.push('start');
      onState({ at: 'live' });
    },
    stop: () => events.push('stop'),
  };
  return {
    source,
    events,
    give: (...ticks: SourceTick[]) => onTicks(ticks),
    say: (...of: Parameters<typeof onState>) => onState(...of),
  };
}

/** One replica with a log in memory, on which terms follow one another. Symbols A and B are pushed, S is of a source. */
function setUp() {
  const clock = createManualClock();
  const log = createLog({ level: 'silent', node: 'test' });
  const assigned = assignSymbols({
    feeds: [
      { name: 'push', symbols: ['A', 'B'] },
      { name: 'simulator', symbols: ['S'] },
    ],
    symbols: undefined,
  });
  if (!assigned.ok) throw new Error('bad settings');
  const book = createPriceBook({ ...window, monotonic: () => clock.monotonic() });
  const list = createSymbolList({
    assignment: assigned.assignment,
    clock,
    log,
    onMoved: () => {},
    onChange: () => {},
  });
  const pause = createFeedPause();
  let deliver: (bytes: Buffer) => void = () => {};
  const home = createMemoryLog({ ...window, clock, onBatch: (bytes) => deliver(bytes) });
  const state = { fails: false, fakesNoAnswer: false };
  const tickLog = {
    claim: async (epoch: number) => {
      if (state.fails) throw new Error('away');
      return home.claim(epoch, 'test');
    },
    append: async (...args: Parameters<typeof home.append>) => {
      if (state.fails) throw new Error('away');
      const outcome = home.append(...args);
      if (state.fakesNoAnswer) throw new Error('no answer');
      return outcome;
    },
    readState: async () => home.readState(),
    readAfter: async (gen: string, number: number) => home.readAfter(gen, number),
    onBatch: (listener: typeof deliver) => void (deliver = listener),
  };
  const reader = createLogReader({
    tickLog,
    book,
    clock,
    log,
    retryMs: () => 100,
    isOutage: () => true,
    onBatch: ({ records }) => {
      for (const record of records) {
        if (record.kind === 'list') list.change(record);
        else if (record.kind === 'start list') list.changeStart(record.bySource);
        else pause.change(record);
      }
    },
    onStart: ({ notes }) => {
      list.begin(notes);
      pause.begin(notes.pause);
    },
    onRepair: () => {},
  });
  const simulator = createSource('simulator');
  const pushes = createSource('push');
  const announced: Announcement[] = [];
  const faults: string[] = [];
  const counts = { retried: 0, bad: 0 };
  let unsure: Promise<UnsureAppend | null> = Promise.resolve(null);
  let epoch = 0;
  let current: Term | null = null;

  /** Ends the term before and begins the next one. */
  async function lead(): Promise<Term> {
    if (current !== null) unsure = current.close();
    epoch++;
    const term = createTerm({
      node: 'one',
      epoch,
      tickLog,
      book,
      reader,
      unsure,
      sources: [pushes.source, simulator.source],
      list: list.keeper,
      pause: pause.keeper,
      clock,
      log,
      dayStartMs: 0,
      appendMs: 5,
      beatMs: 500,
      mayAppend: () => true,
      meter: {
        received: () => {},
        appended: () => {},
        refused: () => {},
        badTick: () => void counts.bad++,
        retried: () => void counts.retried++,
      },
      onAnnounce: (announcement) => void announced.push(announcement),
      onFault: (reason) => void faults.push(reason),
    });
    current = term;
    await clock.advance(10);
    return term;
  }
  const settled = async <T>(answer: Promise<T>): Promise<T> => {
    await clock.advance(20);
    return answer;
  };
  return {
    clock,
    book,
    list,
    pause,
    home,
    state,
    simulator,
    pushes,
    announced,
    faults,
    counts,
    lead,
    settled,
  };
}

const tick = (symbol: string, price = '1', more: Partial<SourceTick> = {}): SourceTick => ({
  symbol,
  price,
  ts: 1_790_000_000_000,
  ...more,
});
const nameOf = (outcome: PushOutcome): string =>
  outcome.ok ? outcome.ticks.map(({ symbol, seq }) => symbol + seq).join() : outcome.refusal.name;

describe('a term', () => {
  it('[PB1] claims the log, gives each source its symbols, starts them, and takes pushes from then on', async () => {
    const { lead, settled, simulator, announced, book } = setUp();
    const term = await lead();
    expect(simulator.events).toEqual(['assign S', 'start']);
    simulator.give(tick('S', '5'));
    expect(nameOf(await settled(term.push({ ticks: [tick('A', '2')] })))).toBe('A1');
    expect([book.quote('S')?.price, book.quote('A')?.price]).toEqual(['5', '2']);
    expect(announced[0]).toMatchObject({ node: 'one', epoch: 1, feed: { state: 'live' } });
  });

  it('[SQ8] names its last batch with each beat', async () => {
    const { lead, clock, simulator, announced, book } = setUp();
    await lead();
    simulator.give(tick('S'));
    await clock.advance(500);
    expect(announced.at(-1)).toMatchObject({ gen: book.gen(), number: book.number() });
    expect(book.number()).toBeGreaterThan(0);
  });

  it('refuses pushes of symbols that are not pushed, or not listed', async () => {
    const { lead, settled } = setUp();
    const term = await lead();
    expect(nameOf(await settled(term.push({ ticks: [tick('S')] })))).toBe('symbol_of_other_source');
    expect(nameOf(await settled(term.push({ ticks: [tick('NEVER')] })))).toBe('unknown_symbol');
  });

  it('[PB1] ends if the log cannot be claimed, or a newer leader has claimed it', async () => {
    const { lead, state, home, faults } = setUp();
    state.fails = true;
    await lead();
    expect(faults).toEqual(['the log could not be claimed']);
    state.fails = false;
    home.claim(99, 'other');
    await lead();
    expect(faults.at(-1)).toBe('a newer leader claimed the log');
  });

  it('[PB6] appends again what a source gave if its append was not stored, and not if it was', async () => {
    for (const isStored of [false, true]) {
      const { lead, clock, state, simulator, counts, book } = setUp();
      await lead();
      state[isStored ? 'fakesNoAnswer' : 'fails'] = true;
      simulator.give(tick('S', '7'));
      await clock.advance(10);
      Object.assign(state, { fails: false, fakesNoAnswer: false });
      await lead();
      await clock.advance(10);
      expect([counts.retried, book.quote('S')]).toMatchObject([isStored ? 0 : 1, { price: '7', seq: 1 }]);
    }
  });

  it('[PB7] drops and counts bad ticks of a source, and nothing else', async () => {
    const { lead, clock, simulator, faults, book, counts, settled } = setUp();
    const term = await lead();
    const bad: Partial<Record<keyof SourceTick, unknown>>[] = [
      { sourceSeq: NaN },
      { sourceSeq: 2 ** 53 },
      { price: 'abc' },
      { price: '-1' },
      { size: '1e5' },
      { ts: 1.5 },
      { price: 1 },
      { price: ['1'] },
      { price: 1n },
      { ts: 'today' },
      { ts: 2 ** 63 },
      { sourceSeq: '7' },
      { day: { high: 'x' } },
      { day: null },
      { symbol: 'A' },
      { symbol: 'NOWHERE' },
      { symbol: undefined },
    ];
    const given: unknown[] = bad.map((more) => ({ ...tick('S', '1'), ...more }));
    given.push(null, undefined, 'text', 7, {});
    simulator.give(...(given as SourceTick[]), tick('S', '8'));
    await clock.advance(10);
    expect([book.quote('S')?.price, book.seq('S'), book.seq('A'), faults]).toEqual(['8', 1, 0, []]);
    expect(counts.bad).toBe(given.length);
    expect(await settled(term.push({ ticks: [tick('A')] }))).toMatchObject({ ok: true });
  });

  it('[PB7] a source that throws is stale; the term and the other sources go on', async () => {
    const { lead, clock, simulator, pushes, faults, book, announced, settled } = setUp();
    const fail = (): never => {
      throw new Error('a bug');
    };
    Object.assign(pushes.source, { assign: fail, start: fail, stop: fail });
    const term = await lead();
    simulator.give(tick('S', '8'));
    await clock.advance(10);
    expect([book.quote('S')?.price, faults]).toEqual(['8', []]);
    expect(announced.at(-1)?.feed).toMatchObject({
      state: 'live',
      sources: [
        { name: 'push', state: 'stale' },
        { name: 'simulator', state: 'live' },
      ],
    });
    expect(await settled(term.setPaused(true))).toEqual({ ok: true, isChange: true });
    expect(simulator.events.at(-1)).toBe('stop');
    await lead();
    expect(faults).toEqual([]);
  });

  it('[LS1][LS5] changes the list for all, and the next leader goes on from it', async () => {
    const { lead, settled, list, simulator, pushes } = setUp();
    const term = await lead();
    expect(await settled(term.changeList({ act: 'add', symbol: 'NEW' }))).toEqual({
      ok: true,
      isChange: true,
      feed: 'push',
      version: 1,
    });
    expect(nameOf(await settled(term.push({ ticks: [tick('NEW')] })))).toBe('NEW1');
    expect(await settled(term.changeList({ act: 'retire', symbol: 'S' }))).toMatchObject({
      ok: true,
      version: 2,
    });
    expect(simulator.events.at(-1)).toBe('assign ');
    expect([list.symbols(), [...list.retired()]]).toEqual([['A', 'B', 'NEW'], ['S']]);
    expect(await settled(term.changeList({ act: 'retire', symbol: 'S' }))).toMatchObject({ isChange: false });
    await lead();
    expect(pushes.events.slice(-2)).toEqual(['assign A,B,NEW', 'start']);
  });

  it('[LS3] makes no tick of a retired symbol after its change, and every tick before it', async () => {
    const { lead, clock, simulator, book, home } = setUp();
    const term = await lead();
    simulator.give(tick('S', '1'));
    simulator.give(tick('S', '2'));
    void term.changeList({ act: 'retire', symbol: 'S' });
    await clock.advance(50);
    const batches = book.batchesAfter(0, 100) ?? [];
    const last = batches.findLastIndex(({ symbols }) => symbols.includes('S'));
    const retired = batches.findIndex(({ records }) =>
      records.some((record) => record.kind === 'list' && record.version === 1),
    );
    expect(last).toBeLessThanOrEqual(retired);
    expect(book.quote('S')?.price).toBe('2');
    expect(home.readState()?.notes.list.feeds).toEqual([['S', null]]);
  });

  it('[FP1][FP3] pauses and resumes, and a new leader keeps the pause', async () => {
    const { lead, settled, simulator, announced, pause } = setUp();
    const term = await lead();
    expect(await settled(term.setPaused(true))).toEqual({ ok: true, isChange: true });
    expect(await settled(term.setPaused(true))).toEqual({ ok: true, isChange: false });
    expect(simulator.events.at(-1)).toBe('stop');
    expect(nameOf(await settled(term.push({ ticks: [tick('A')] })))).toBe('feed_paused');
    expect(announced.at(-1)).toMatchObject({ feed: { state: 'stale', reason: 'paused' } });
    const next = await lead();
    expect([simulator.events.at(-1), announced.at(-1)?.feed.reason]).toEqual(['assign S', 'paused']);
    expect(await settled(next.setPaused(false))).toEqual({ ok: true, isChange: true });
    expect([simulator.events.at(-1), pause.keeper.known().pause.isPaused]).toEqual(['start', false]);
    expect(announced.at(-1)).toMatchObject({ feed: { state: 'live' } });
  });

  it('refuses everything before it has begun and once it is over', async () => {
    const { lead, settled, simulator } = setUp();
    const term = await lead();
    await term.close();
    expect(simulator.events.at(-1)).toBe('stop');
    expect(nameOf(await settled(term.push({ ticks: [tick('A')] })))).toBe('no_leader');
    expect(await settled(term.changeList({ act: 'add', symbol: 'X' }))).toMatchObject({ ok: false });
    expect(await settled(term.setPaused(true))).toMatchObject({ ok: false });
  });
});
