import { expect, test } from 'vitest';
import type { SnapshotReason, Tick } from '../server/protocol/index.ts';
import { createSequenceCheck, type SequenceCounts } from './sequence-check.ts';

/** One thing that a user sees or does. Fields that are not given are of symbol BTC-USD and generation gen1. */
interface Step {
  seq: number;
  gen?: string;
  symbol?: string;
  merged?: number;
  is?: 'tick' | 'subscribe' | 'recover' | 'unsubscribe' | { snapshot: SnapshotReason };
}

const none: SequenceCounts = { ticks: 0, gaps: 0, repeats: 0, strays: 0 };
const ticks = (...seqs: number[]): Step[] => seqs.map((seq) => ({ seq }));
const snapshot = (seq: number, reason: SnapshotReason, gen = 'gen1'): Step => {
  return { seq, gen, is: { snapshot: reason } };
};

/** A check that has seen these steps. */
function after(steps: Step[]) {
  const check = createSequenceCheck();
  for (const { seq, gen = 'gen1', symbol = 'BTC-USD', merged, is = 'tick' } of steps) {
    const tick: Tick = { symbol, price: '1', gen, seq, ts: 0, ...(merged !== undefined && { merged }) };
    const day = { open: '1', high: '1', low: '1', volume: '0', stale: false };
    if (is === 'tick') check.tick(tick);
    else if (is === 'unsubscribe') check.unsubscribed([symbol]);
    else if (typeof is === 'object') check.snapshot({ quotes: [{ ...tick, ...day }], reason: is.snapshot });
    else {
      const recovered = is === 'recover';
      check.subscribed({ [symbol]: { ok: true, gen, seq, everyMs: 0, recovered, replayed: 0 } });
    }
  }
  return check;
}

const subscribed: Step = { seq: 10, is: 'subscribe' };
const unsubscribed: Step = { seq: 0, is: 'unsubscribe' };

// Each begins with a subscription whose snapshot was at seq 10.
test.each<[title: string, steps: Step[], counts: Partial<SequenceCounts>]>([
  ['ticks that follow the snapshot are right', ticks(11, 12, 13), { ticks: 3 }],
  ['a missing seq is one gap', ticks(11, 13, 14), { ticks: 3, gaps: 1 }],
  ['a missing first tick is a gap', ticks(12), { ticks: 1, gaps: 1 }],
  ['a tick at or before the last seq is a repeat', ticks(10, 11, 11, 9, 12), { ticks: 5, repeats: 3 }],
  ['a merged tick stands for the ticks before it', [{ seq: 14, merged: 3 }], { ticks: 1 }],
  ['a merged tick that stands for too few is a gap', [{ seq: 14, merged: 2 }], { ticks: 1, gaps: 1 }],
  [
    'symbols are counted separately',
    [{ seq: 500, symbol: 'ETH-USD', is: 'subscribe' }, ...ticks(11), { seq: 501, symbol: 'ETH-USD' }],
    { ticks: 2 },
  ],
  ['a snapshot sets the seq', [snapshot(20, 'subscribe'), ...ticks(21)], { ticks: 1 }],
  ['a snapshot that reports a gap is a gap', [snapshot(20, 'gap'), ...ticks(21)], { ticks: 1, gaps: 1 }],
  [
    'a new generation begins at the seq of its snapshot',
    [snapshot(3, 'generation', 'gen2'), { seq: 4, gen: 'gen2' }],
    { ticks: 1 },
  ],
  ['a new generation without a snapshot begins at 1', [{ seq: 1, gen: 'gen2' }], { ticks: 1 }],
  ['a new generation that begins at 2 has a gap', [{ seq: 2, gen: 'gen2' }], { ticks: 1, gaps: 1 }],
  [
    'a tick of an earlier generation is a repeat',
    [snapshot(3, 'generation', 'gen2'), ...ticks(11)],
    { ticks: 1, repeats: 1 },
  ],
  ['a tick that nobody asked for is a stray', [{ seq: 1, symbol: 'ETH-USD' }], { ticks: 1, strays: 1 }],
  ['a tick after the unsubscribe is a stray', [unsubscribed, ...ticks(11)], { ticks: 1, strays: 1 }],
  ['a replay with a hole is a gap', [{ seq: 13, is: 'recover' }, ...ticks(13)], { ticks: 1, gaps: 1 }],
  [
    'a subscription that was not recovered starts at its snapshot',
    [{ seq: 50, is: 'subscribe' }, snapshot(50, 'subscribe'), ...ticks(51)],
    { ticks: 1 },
  ],
])('%s', (_title, steps, counts) => {
  expect(after([subscribed, ...steps]).counts).toEqual({ ...none, ...counts });
});

test('a symbol without a price begins at its first tick', () => {
  const { counts } = after([{ seq: 0, gen: '', is: 'subscribe' }, ...ticks(1)]);
  expect(counts).toEqual({ ...none, ticks: 1 });
});

test('a recovered subscription goes on from where the user was', () => {
  const check = after([subscribed, unsubscribed, { seq: 13, is: 'recover' }, ...ticks(11, 12, 13, 14)]);
  expect(check.counts).toEqual({ ...none, ticks: 4 });
  expect(check.position('BTC-USD')).toEqual(['gen1', 14]);
});
