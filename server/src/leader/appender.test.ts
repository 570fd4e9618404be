import { describe, expect, it } from 'vitest';
import type { Tick } from '../../protocol/index.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { Batch } from '../log/batch.ts';
import { maxBatchTicks, type Append, type AppendOutcome, type LogState } from '../log/contract.ts';
import { createPriceBook } from '../log/price-book.ts';
import { createAppender, type PushOutcome } from './appender.ts';
import type { SourceTick } from './draft.ts';

const appendMs = 5;
const emptyLog: LogState = {
  gen: 'gen001',
  number: 0,
  oldest: 1,
  quotes: [],
  floor: 0,
  notes: { startList: null, list: { version: 0, feeds: [] }, pause: { version: 0, isPaused: false } },
};

/** An appender on a log whose answers are in the test's hands; by default it takes everything. */
function setUp({ state = emptyLog, maxQueuedTicks = 10_000, mayAppend = (): boolean => true } = {}) {
  const clock = createManualClock();
  const appends: Append[] = [];
  const faults: string[] = [];
  const refused: string[] = [];
  const appended: Tick[][] = [];
  let answer: (append: Append) => AppendOutcome | Promise<AppendOutcome> = () => ({ ok: true });
  const book = createPriceBook({ windowMs: 60_000, maxWindowBytes: 1e6, monotonic: () => clock.monotonic() });
  book.begin(state);
  const appender = createAppender({
    tickLog: {
      append: async (append) => {
        appends.push(append);
        return answer(append);
      },
    },
    gen: 'gen001',
    epoch: 7,
    book,
    clock,
    appendMs,
    maxQueuedTicks,
    dayStartMs: 0,
    mayAppend,
    meter: {
      appended: (ticks) => void appended.push([...ticks]),
      refused: (reason) => void refused.push(reason),
    },
    onFault: (reason) => void faults.push(reason),
  });
  const push = (...ticks: SourceTick[]) => appender.push({ ticks });
  /** The ticks of each append. */
  const batches = () => appends.map(({ bytes }) => ticksOf(bytes));
  return {
    clock,
    appends,
    faults,
    refused,
    appended,
    appender,
    push,
    batches,
    answerWith: (given: typeof answer) => void (answer = given),
  };
}

const tick = (symbol: string, price = '1', more: Partial<SourceTick> = {}): SourceTick => ({
  symbol,
  price,
  ts: 1_790_000_000_000,
  ...more,
});
const ticksOf = (bytes: Buffer): string[] => {
  const batch = new Batch(bytes);
  return batch.symbols.map((symbol, place) => `${symbol}${batch.seqs[place]}=${batch.tick(place).price}`);
};
const nameOf = (outcome: PushOutcome): string =>
  outcome.ok ? outcome.ticks.map(({ symbol, seq }) => symbol + seq).join() : outcome.refusal.name;

describe('the appends of one term', () => {
  it('[PB2] number ticks per symbol and batches without a hole, and answer a push with its places', async () => {
    const { appends, push, batches, clock } = setUp();
    const first = push(tick('A', '1'), tick('B', '1'), tick('A', '2'));
    await clock.advance(appendMs);
    const second = push(tick('A', '3'));
    await clock.advance(appendMs);
    expect([nameOf(await first), nameOf(await second)]).toEqual(['A1,B1,A2', 'A3']);
    expect(batches()).toEqual([['A1=1', 'B1=1', 'A2=2'], ['A3=3']]);
    expect(appends.map(({ gen, epoch, number }) => [gen, epoch, number])).toEqual([
      ['gen001', 7, 1],
      ['gen001', 7, 2],
    ]);
    expect(appends[1]?.quotes).toMatchObject([
      { quote: { symbol: 'A', price: '3', seq: 3, high: '3', low: '1' } },
    ]);
  });

  it('go on from the quotes, seqs and source numbers that the log had before', async () => {
    const quote = {
      symbol: 'A',
      price: '9',
      gen: 'gen001',
      seq: 41,
      ts: 1_790_000_000_000,
      stale: false,
      open: '5',
      high: '9',
      low: '5',
      volume: '2',
    };
    const { batches, appends, appender, clock } = setUp({
      state: { ...emptyLog, number: 12, quotes: [{ quote, sourceSeq: 6 }], floor: 3 },
    });
    appender.take([tick('A', '4', { sourceSeq: 6 }), tick('A', '7', { sourceSeq: 7 }), tick('NEW')]);
    await clock.advance(0);
    expect([batches(), appends[0]?.number]).toEqual([[['A42=7', 'NEW4=1']], 13]);
    expect(appends[0]?.quotes[0]).toMatchObject({ quote: { open: '5', high: '9', low: '5' }, sourceSeq: 7 });
    expect([appender.quote('A')?.price, appender.sourceSeq('A')]).toEqual(['7', 7]);
  });

  it('go out at once after a calm; what comes within the window goes together', async () => {
    const { appender, batches, clock } = setUp();
    appender.take([tick('A', '1')]);
    await clock.advance(0);
    expect(batches()).toHaveLength(1);
    for (const price of ['2', '3']) appender.take([tick('A', price)]);
    await clock.advance(appendMs - 1);
    expect(batches()).toHaveLength(1);
    await clock.advance(1);
    expect(batches()).toEqual([['A1=1'], ['A2=2', 'A3=3']]);
    await clock.advance(2 * appendMs);
    expect(clock.timers()).toBe(0);
  });

  it('[PB2] are one at a time, and of a bounded size; a push is never split', async () => {
    let release: () => void = () => {};
    const { appender, push, batches, answerWith, clock } = setUp();
    answerWith(() => new Promise((resolve) => (release = () => resolve({ ok: true }))));
    appender.take([tick('A')]);
    const many = Array.from({ length: maxBatchTicks - 1 }, () => tick('B'));
    appender.take([tick('A'), tick('A')]);
    const pushed = push(...many);
    await clock.advance(50);
    expect(batches()).toHaveLength(1);
    for (let count = 0; count < 3; count++) {
      release();
      await clock.advance(appendMs);
    }
    expect(batches().map(({ length }) => length)).toEqual([1, 2, maxBatchTicks - 1]);
    expect(await pushed).toMatchObject({ ok: true });
  });

  it('[PB7] take a numbered tick once, and a batch of old ones not at all', async () => {
    const { appender, batches, clock } = setUp();
    appender.take([tick('A', '1', { sourceSeq: 1 }), tick('A', '1', { sourceSeq: 1 })]);
    await clock.advance(appendMs);
    appender.take([tick('A', '1', { sourceSeq: 1 })]);
    await clock.advance(appendMs);
    expect(batches()).toEqual([['A1=1']]);
  });

  it('[PB5] answer a push that was stored before with its first answer, and append the rest of the batch', async () => {
    const { appender, appends, batches, answerWith, clock } = setUp();
    const stored = { id: 'old', hash: 'h', answer: '[{"symbol":"A","gen":"gen000","seq":9}]' };
    answerWith(({ pushes }) =>
      pushes.some(({ id }) => id === 'old') ? { ok: false, reason: 'pushes', known: [stored] } : { ok: true },
    );
    // The first append is on its way, so that the rest goes together.
    appender.take([tick('X')]);
    const again = appender.push({ ticks: [tick('A')], once: { id: 'old', hash: 'h' } });
    const conflict = appender.push({ ticks: [tick('A')], once: { id: 'old', hash: 'other' } });
    const fresh = appender.push({ ticks: [tick('A')], once: { id: 'new', hash: 'h' } });
    await clock.advance(5 * appendMs);
    expect(await again).toMatchObject({ ok: true, replayed: true, ticks: [{ gen: 'gen000', seq: 9 }] });
    expect(nameOf(await conflict)).toBe('idempotency_conflict');
    expect(nameOf(await fresh)).toBe('A1');
    expect(batches().at(-1)).toEqual(['A1=1']);
    expect(appends.at(-1)?.pushes).toEqual([
      { id: 'new', hash: 'h', answer: '[{"symbol":"A","gen":"gen001","seq":1}]' },
    ]);
  });

  it('[PB4] end with a refusal of the log; what waits is refused and never counted', async () => {
    for (const reason of ['epoch', 'generation', 'number'] as const) {
      const { appender, push, appends, answerWith, faults, refused, clock } = setUp();
      answerWith(() => ({ ok: false, reason }));
      const first = push(tick('A'));
      const second = push(tick('A'));
      await clock.advance(0);
      expect([nameOf(await first), faults.length, refused]).toEqual(['no_leader', 1, [reason]]);
      expect(await appender.close()).toBeNull();
      expect(nameOf(await second)).toBe('no_leader');
      expect(nameOf(await push(tick('A')))).toBe('no_leader');
      expect(appends).toHaveLength(1);
    }
  });

  it('[PB4][PB6] end without an answer: pushes are unconfirmed, and what sources gave is left for the next term', async () => {
    const { appender, answerWith, faults, clock } = setUp();
    appender.take([tick('X')]);
    await clock.advance(0);
    answerWith(() => Promise.reject(new Error('no answer')));
    const given = [tick('A', '2'), tick('B', '3')];
    appender.take(given);
    const pushed = appender.push({ ticks: [tick('C')] });
    await clock.advance(appendMs);
    expect([nameOf(await pushed), faults]).toEqual(['push_unconfirmed', ['an append failed']]);
    expect(await appender.close()).toEqual({ gen: 'gen001', epoch: 7, number: 2, ticks: given });
  });

  it('[LD3] append nothing once the term may not', async () => {
    const { push, appends, clock } = setUp({ mayAppend: () => false });
    const pushed = push(tick('A'));
    await clock.advance(0);
    expect([nameOf(await pushed), appends]).toEqual(['no_leader', []]);
  });

  it('drop the newest ticks of sources, and refuse pushes, when too many wait', async () => {
    const { appender, push, answerWith, clock } = setUp({ maxQueuedTicks: 3 });
    answerWith(() => new Promise(() => {}));
    appender.take([tick('A')]);
    expect(appender.take([tick('A'), tick('A'), tick('A'), tick('A')])).toBe(1);
    expect(nameOf(await push(tick('A')))).toBe('store_unavailable');
    await clock.advance(0);
  });

  it('[LS1][LS2] put a change behind all ticks before it and before all after it', async () => {
    const { appender, appends, clock } = setUp();
    appender.take([tick('X')]);
    appender.take([tick('GONE', '1')]);
    const list = { version: 1, feeds: [['GONE', null] as const] };
    const done = appender.change({
      record: { kind: 'list', version: 1, set: list.feeds, unset: [], forgotten: [] },
      notes: { list: { version: 1, feeds: [...list.feeds] } },
    });
    appender.take([tick('A', '2')]);
    await clock.advance(5 * appendMs);
    expect(await done).toBeNull();
    const read = appends.map(({ bytes }) => new Batch(bytes));
    expect(read.map(({ symbols, records }) => [symbols, records.length])).toEqual([
      [['X'], 0],
      [['GONE'], 1],
      [['A'], 0],
    ]);
    expect(appends.map(({ notes }) => notes?.list?.version)).toEqual([undefined, 1, undefined]);
  });

  it('[LS4] tell the store which symbols are forgotten, and the highest seq that went', async () => {
    const { appender, appends, clock, push } = setUp();
    appender.take([tick('GONE'), tick('GONE'), tick('A')]);
    await clock.advance(appendMs);
    void appender.change({
      record: { kind: 'list', version: 2, set: [], unset: ['GONE'], forgotten: ['GONE'] },
      notes: {},
      forgotten: ['GONE'],
    });
    await clock.advance(appendMs);
    expect(appends.at(-1)?.forgotten).toEqual({ symbols: ['GONE'], floor: 2 });
    // Its book has not read that change yet.
    const again = push(tick('GONE', '9'));
    await clock.advance(appendMs);
    expect(nameOf(await again)).toBe('GONE3');
    expect(appends.at(-1)?.quotes).toMatchObject([{ quote: { symbol: 'GONE', open: '9', seq: 3 } }]);
  });
});
