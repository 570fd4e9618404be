import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstDay, type Position, type Quote, type Tick } from '../../protocol/index.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import type { StoredSymbol } from '../backplane/contract.ts';
import { createSequencer } from './sequencer.ts';

function tick(seq: number, gen = 'gen001'): Tick {
  return {
    symbol: 'A',
    price: `${seq}`,
    gen,
    seq,
    ts: seq,
    ...(seq === 1 && { day: firstDay({ price: '1' }) }),
  };
}

function quote(seq: number, gen = 'gen001'): Quote {
  return { ...tick(seq, gen), stale: false, ...firstDay({ price: `${seq}` }) };
}

/** A sequencer with a store whose reads are answered when the test says so. */
function setUp() {
  const clock = createManualClock();
  const out: string[] = [];
  const reads: {
    after: Position | null;
    answer: (stored: StoredSymbol) => void;
    fail: (error: Error) => void;
  }[] = [];
  const repairs: (number | null)[] = [];
  const passed: string[] = [];
  const sequencer = createSequencer({
    symbol: 'A',
    clock,
    read: (after) => new Promise((answer, fail) => reads.push({ after, answer, fail })),
    deliver: ({ gen, seq }) => out.push(`history ${gen}:${seq}`),
    onPass: ({ gen, seq }) => passed.push(`${gen}:${seq}`),
    onSnapshot: ({ gen, seq }, reason) => out.push(`${reason} ${gen}:${seq}`),
    onRepair: (ticks) => repairs.push(ticks),
    onReadError: (error) => out.push((error as Error).message),
    retryMs: () => 100,
  });
  const accept = (...ticks: Tick[]): void => {
    for (const one of ticks) sequencer.accept(one, () => out.push(`${one.gen}:${one.seq}`));
  };
  /** Answers the oldest read: the store's head is `seq`, and history has what follows `from`, if that is given. */
  const answer = async (stored: { gen: string | null; quote: Quote | null; from?: number }) => {
    const { gen, quote: head, from } = stored;
    const after = from === undefined || head === null ? null : { from, count: head.seq - from };
    const missed = after && Array.from({ length: after.count }, (_, index) => tick(after.from + 1 + index));
    reads.shift()?.answer({ gen, quote: head, missed });
    await clock.advance(0);
  };
  return { sequencer, clock, out, passed, reads, repairs, accept, answer };
}

async function serving(seq: number) {
  const all = setUp();
  await all.answer({ gen: 'gen001', quote: quote(seq) });
  return all;
}

describe('createSequencer', () => {
  it('[SQ6] holds what comes before the first read, then lets pass what follows it', async () => {
    const { sequencer, out, accept, answer } = setUp();
    let isReady = false;
    void sequencer.ready().then(() => (isReady = true));
    accept(tick(6), tick(4));
    expect(sequencer.head()).toBeUndefined();
    await answer({ gen: 'gen001', quote: quote(5) });
    expect(isReady).toBe(true);
    expect(out).toEqual(['gen001:6']);
    expect(sequencer.head()).toMatchObject({ seq: 6, price: '6' });
  });

  it('[SQ1][SQ2] lets ticks pass in order, each once', async () => {
    const { sequencer, out, accept } = await serving(5);
    accept(...[6, 6, 5, 7, 1].map((seq) => tick(seq)));
    expect(out).toEqual(['gen001:6', 'gen001:7']);
    expect(sequencer.dropped()).toBe(3);
  });

  it('[W3] takes a merged tick that reaches back to the head', async () => {
    const { out, accept } = await serving(5);
    accept({ ...tick(9), merged: 3 });
    expect(out).toEqual(['gen001:9']);
  });

  it('[SQ3] a hole is mended from history, in order, before anything newer passes', async () => {
    const { out, accept, answer, reads, repairs } = await serving(5);
    accept(tick(8), tick(9));
    expect([out, reads[0]?.after]).toEqual([[], ['gen001', 5]]);
    await answer({ gen: 'gen001', quote: quote(8), from: 5 });
    expect(out).toEqual(['history gen001:6', 'history gen001:7', 'history gen001:8', 'gen001:9']);
    expect(repairs).toEqual([3]);
  });

  it('[SQ7] what history no longer has becomes a snapshot, and what follows it passes', async () => {
    const { out, accept, answer, repairs, sequencer } = await serving(5);
    accept(tick(8), tick(9));
    await answer({ gen: 'gen001', quote: quote(8) });
    expect(out).toEqual(['gap gen001:8', 'gen001:9']);
    expect(repairs).toEqual([null]);
    expect(sequencer.passedAfter(5)).toBeNull();
    expect(sequencer.passedAfter(8)?.map(({ seq }) => seq)).toEqual([9]);
  });

  it("[SQ8] the leader's digest finds what no tick shows: a loss before a calm", async () => {
    const { out, passed, sequencer, answer, reads } = await serving(5);
    sequencer.expect('gen001', 5);
    sequencer.expect('gen001', 4);
    expect(reads).toEqual([]);
    sequencer.expect('gen001', 6);
    sequencer.expect('gen001', 7);
    await answer({ gen: 'gen001', quote: quote(6), from: 5 });
    await answer({ gen: 'gen001', quote: quote(7), from: 6 });
    expect(out).toEqual(['history gen001:6', 'history gen001:7']);
    expect(passed).toEqual(['gen001:6', 'gen001:7']);
    sequencer.expect('gen002', 1);
    await answer({ gen: 'gen002', quote: quote(1, 'gen002') });
    expect(out.at(-1)).toBe('generation gen002:1');
  });

  it('keeps the last ticks that passed at hand', async () => {
    const { sequencer, accept } = await serving(5);
    for (let seq = 6; seq <= 300; seq++) accept(tick(seq));
    expect(sequencer.passedAfter(300)).toEqual([]);
    expect(sequencer.passedAfter(250)?.map(({ seq }) => seq)).toEqual(
      Array.from({ length: 50 }, (_, index) => 251 + index),
    );
    expect(sequencer.passedAfter(6)).toBeNull();
  });

  it('[SQ1] ticks that come in another order leave no hole', async () => {
    const { out, accept, answer } = await serving(5);
    accept(...[8, 6, 7].map((seq) => tick(seq)));
    await answer({ gen: 'gen001', quote: quote(8) });
    expect(out).toEqual(['gen001:6', 'gen001:7', 'gen001:8']);
  });

  it('[SQ4] a new generation is read from the store', async () => {
    const { out, accept, answer } = await serving(5);
    accept(tick(1, 'gen002'), tick(2, 'gen002'));
    await answer({ gen: 'gen002', quote: quote(1, 'gen002') });
    expect(out).toEqual(['generation gen002:1', 'gen002:2']);
  });

  it('[SQ4] a new generation without a price yet tells its first tick as the snapshot', async () => {
    const { sequencer, out, passed, accept, answer } = await serving(5);
    sequencer.expect('gen002', 0);
    await answer({ gen: 'gen002', quote: null });
    expect(out).toEqual([]);
    accept(tick(1, 'gen002'), tick(2, 'gen002'));
    expect(out).toEqual(['generation gen002:1', 'gen002:2']);
    expect(passed).toEqual(['gen002:2']);
  });

  it('[SQ4] so does one that had no price in the generation before either, but an older one', async () => {
    const { sequencer, out, accept, answer } = await serving(5);
    sequencer.expect('gen002', 0);
    await answer({ gen: null, quote: null });
    sequencer.expect('gen003', 0);
    await answer({ gen: 'gen003', quote: null });
    accept(tick(1, 'gen003'), tick(2, 'gen003'));
    expect(out).toEqual(['generation gen003:1', 'gen003:2']);
  });

  it('[SQ5] a tick that the store does not know is not let pass', async () => {
    const { sequencer, out, accept, answer } = await serving(5);
    accept(tick(1_000));
    await answer({ gen: 'gen001', quote: quote(5) });
    accept(tick(6));
    expect(out).toEqual(['gen001:6']);
    expect(sequencer.dropped()).toBe(1);
  });

  it('[SQ5] a late tick of an old generation changes nothing', async () => {
    const { sequencer, out, accept, answer } = await serving(5);
    accept(tick(6, 'gen000'));
    await answer({ gen: 'gen001', quote: quote(5) });
    expect([out, sequencer.gen()]).toEqual([[], 'gen001']);
  });

  it('a symbol without a price is ready, and its first tick passes', async () => {
    const { sequencer, out, accept, answer } = setUp();
    await answer({ gen: 'gen001', quote: null });
    expect(sequencer.head()).toBeNull();
    accept(tick(1));
    expect(out).toEqual(['gen001:1']);
  });

  it('a failed read is told, fails those who wait, and is repeated', async () => {
    const { sequencer, clock, out, reads, answer } = setUp();
    const waiting = sequencer.ready().catch((error: unknown) => error);
    reads.shift()?.fail(new Error('away'));
    expect(await waiting).toMatchObject({ message: 'away' });
    await clock.advance(100);
    await answer({ gen: 'gen001', quote: quote(3) });
    expect(out).toEqual(['away']);
    await expect(sequencer.ready()).resolves.toBeUndefined();
  });

  it('a resync while a read is under way is followed by another read', async () => {
    const { sequencer, reads, out, answer } = setUp();
    void sequencer.resync();
    await answer({ gen: 'gen001', quote: quote(3) });
    expect(reads).toHaveLength(1);
    await answer({ gen: 'gen001', quote: quote(7) });
    expect(out).toEqual(['gap gen001:7']);
  });

  it('closed, it calls nothing back', async () => {
    const { sequencer, clock, out, accept, answer, reads } = await serving(5);
    accept(tick(9));
    sequencer.close();
    await answer({ gen: 'gen001', quote: quote(9) });
    accept(tick(10));
    await clock.advance(10_000);
    expect([out, reads]).toEqual([[], []]);
  });

  it('[SQ1] whatever is lost, repeated or out of order: seq rises, and each hole is told', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.boolean()), { maxLength: 60 }),
        async (steps) => {
          const { clock, out, reads, accept } = setUp();
          let stored = 1;
          const answerAll = async () => {
            while (reads.length > 0) {
              reads.shift()?.answer({ gen: 'gen001', quote: quote(stored), missed: null });
              await clock.advance(0);
            }
          };
          await answerAll();
          for (const [seq, answerNow] of steps) {
            stored = Math.max(stored, seq);
            accept(tick(seq));
            if (answerNow) await answerAll();
          }
          await answerAll();
          let last = 1;
          for (const line of out) {
            const seq = Number(line.split(':')[1]);
            expect(seq).toBeGreaterThan(last);
            expect(line.startsWith('gap') || seq === last + 1).toBe(true);
            last = seq;
          }
          expect(last).toBe(stored);
        },
      ),
      { numRuns: 50 },
    );
  });
});
