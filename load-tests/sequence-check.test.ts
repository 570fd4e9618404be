import { describe, expect, test } from 'vitest';
import type { Quote, SnapshotReason, Tick } from '../server/protocol/index.ts';
import { createSequenceCheck, type SequenceCheck, type SequenceCounts } from './sequence-check.ts';

function tick(seq: number, { symbol = 'BTC-USD', gen = 'gen1', merged }: Partial<Tick> = {}): Tick {
  return { symbol, price: '1', gen, seq, ts: 0, ...(merged === undefined ? {} : { merged }) };
}

function snapshot(check: SequenceCheck, seq: number, reason: SnapshotReason, gen = 'gen1'): void {
  const quote: Quote = { ...tick(seq, { gen }), open: '1', high: '1', low: '1', volume: '0', stale: false };
  check.snapshot({ quotes: [quote], reason });
}

/** A check of one subscription whose snapshot was at seq 10. */
function subscribed(): SequenceCheck {
  const check = createSequenceCheck();
  subscribe(check, 10);
  return check;
}

function subscribe(check: SequenceCheck, seq: number, { recovered = false, gen = 'gen1' } = {}): void {
  check.subscribed({ 'BTC-USD': { ok: true, gen, seq, everyMs: 0, recovered, replayed: 0 } });
}

function counts(check: SequenceCheck): SequenceCounts {
  return { ...check.counts };
}

const none: SequenceCounts = { ticks: 0, gaps: 0, repeats: 0, strays: 0 };

describe('within one generation', () => {
  test('ticks that follow the snapshot one by one are right', () => {
    const check = subscribed();
    for (const seq of [11, 12, 13]) check.tick(tick(seq));
    expect(counts(check)).toEqual({ ...none, ticks: 3 });
  });

  test('a seq left out is one gap, and what follows it is right again', () => {
    const check = subscribed();
    for (const seq of [11, 13, 14]) check.tick(tick(seq));
    expect(counts(check)).toEqual({ ...none, ticks: 3, gaps: 1 });
  });

  test('a tick between snapshot and first tick that is missing is a gap', () => {
    const check = subscribed();
    check.tick(tick(12));
    expect(check.counts.gaps).toBe(1);
  });

  test('a tick that came before is a repeat, also the one of the snapshot, and moves nothing', () => {
    const check = subscribed();
    for (const seq of [10, 11, 11, 9, 12]) check.tick(tick(seq));
    expect(counts(check)).toEqual({ ...none, ticks: 5, repeats: 3 });
  });

  test('merged ticks stand for those before them, no more and no fewer', () => {
    const check = subscribed();
    check.tick(tick(14, { merged: 3 }));
    expect(check.counts.gaps).toBe(0);
    check.tick(tick(18, { merged: 2 }));
    expect(check.counts.gaps).toBe(1);
  });

  test('symbols are counted apart', () => {
    const check = subscribed();
    check.subscribed({
      'ETH-USD': { ok: true, gen: 'gen1', seq: 500, everyMs: 0, recovered: false, replayed: 0 },
    });
    check.tick(tick(11));
    check.tick(tick(501, { symbol: 'ETH-USD' }));
    expect(counts(check)).toEqual({ ...none, ticks: 2 });
  });
});

describe('snapshots', () => {
  test('a snapshot sets the seq', () => {
    const check = subscribed();
    snapshot(check, 20, 'subscribe');
    check.tick(tick(21));
    expect(counts(check)).toEqual({ ...none, ticks: 1 });
  });

  test('a snapshot that says that ticks are gone is a gap', () => {
    const check = subscribed();
    snapshot(check, 20, 'gap');
    check.tick(tick(21));
    expect(counts(check)).toEqual({ ...none, ticks: 1, gaps: 1 });
  });

  test('a symbol without a price begins at its first tick', () => {
    const check = createSequenceCheck();
    subscribe(check, 0, { gen: '' });
    check.tick(tick(1));
    expect(counts(check)).toEqual({ ...none, ticks: 1 });
  });
});

describe('generations', () => {
  test('a new generation by snapshot, with a lower seq, is right', () => {
    const check = subscribed();
    snapshot(check, 3, 'generation', 'gen2');
    check.tick(tick(4, { gen: 'gen2' }));
    expect(counts(check)).toEqual({ ...none, ticks: 1 });
  });

  test('a new generation without a snapshot begins at 1', () => {
    const right = subscribed();
    right.tick(tick(1, { gen: 'gen2' }));
    expect(right.counts.gaps).toBe(0);
    const late = subscribed();
    late.tick(tick(2, { gen: 'gen2' }));
    expect(late.counts.gaps).toBe(1);
  });

  test('a tick of a generation that is over is a repeat', () => {
    const check = subscribed();
    snapshot(check, 3, 'generation', 'gen2');
    check.tick(tick(11));
    expect(counts(check)).toEqual({ ...none, ticks: 1, repeats: 1 });
  });
});

describe('subscriptions', () => {
  test('a tick that nobody asked for, or asks for any more, is a stray', () => {
    const check = subscribed();
    check.tick(tick(1, { symbol: 'ETH-USD' }));
    check.unsubscribed(['BTC-USD']);
    check.tick(tick(11));
    expect(counts(check)).toEqual({ ...none, ticks: 2, strays: 2 });
  });

  test('a recovered subscription goes on from where the user was', () => {
    const check = subscribed();
    check.unsubscribed(['BTC-USD']);
    subscribe(check, 13, { recovered: true });
    for (const seq of [11, 12, 13, 14]) check.tick(tick(seq));
    expect(counts(check)).toEqual({ ...none, ticks: 4 });
    expect(check.position('BTC-USD')).toEqual(['gen1', 14]);
  });

  test('a recovered subscription whose replay has a hole is a gap', () => {
    const check = subscribed();
    subscribe(check, 13, { recovered: true });
    check.tick(tick(13));
    expect(check.counts.gaps).toBe(1);
  });

  test('a subscription that was not recovered starts at its snapshot', () => {
    const check = subscribed();
    subscribe(check, 50);
    snapshot(check, 50, 'subscribe');
    check.tick(tick(51));
    expect(counts(check)).toEqual({ ...none, ticks: 1 });
  });
});
