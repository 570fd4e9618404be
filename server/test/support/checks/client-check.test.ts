import { describe, expect, it } from 'vitest';
import type { Quote, SnapshotReason, Tick } from '../../../protocol/index.ts';
import { createClientCheck } from './client-check.ts';
import { createPayloadBook } from './payload-book.ts';

const tick = (seq: number, extra: Partial<Tick> = {}): Tick => ({
  symbol: 'A',
  price: `${seq}`,
  gen: 'g1',
  seq,
  ts: seq,
  ...extra,
});
const quote = (seq: number, gen = 'g1'): Quote => ({
  ...tick(seq, { gen }),
  open: '1',
  high: '1',
  low: '1',
  volume: '1',
  stale: false,
});

/** A client that stands at g1:5. */
function atFive() {
  const check = createClientCheck();
  const snapshot = (seq: number, reason: SnapshotReason, gen = 'g1') =>
    check.placed({ quotes: [quote(seq, gen)], reason });
  const told = (recovered: boolean, seq: number, gen = 'g1') =>
    check.told({ A: { ok: true, gen, seq, everyMs: 0, recovered, replayed: 0 } });
  told(false, 5);
  snapshot(5, 'subscribe');
  return { check, snapshot, told };
}

describe('the check of a client', () => {
  it('takes what follows, and merged ticks that cover what is missing', () => {
    const { check } = atFive();
    check.arrived(tick(6));
    check.arrived(tick(9, { merged: 2 }));
    expect(check.faults()).toEqual([]);
    expect(check.head('A')).toEqual({ gen: 'g1', seq: 9 });
  });

  it.each([
    ['repeated', 5],
    ['hole', 7],
  ])('finds a tick that is %s', (word, seq) => {
    const { check } = atFive();
    check.arrived(tick(seq));
    expect(check.faults()).toEqual([expect.stringContaining(word)]);
  });

  it('takes a jump with reason gap, and one after an answer that recovered nothing', () => {
    const { check, snapshot, told } = atFive();
    snapshot(8, 'gap');
    told(false, 12);
    snapshot(12, 'subscribe');
    expect(check.faults()).toEqual([]);
    expect(check.counts()).toMatchObject({ gaps: 1, unrecovered: 1 });
  });

  it('finds a jump after an answer that claimed to have recovered', () => {
    const { check, snapshot, told } = atFive();
    told(true, 8);
    snapshot(8, 'subscribe');
    expect(check.faults()).toEqual([expect.stringContaining('nobody told')]);
  });

  it('finds a fall, a generation that comes back, and one that comes without a snapshot', () => {
    const { check, snapshot } = atFive();
    snapshot(4, 'gap');
    snapshot(1, 'generation', 'g2');
    snapshot(9, 'generation', 'g1');
    check.arrived(tick(1, { gen: 'g3' }));
    expect(check.faults().map((text) => /falling|left|without/.exec(text)?.[0])).toEqual([
      'falling',
      'left',
      'without',
    ]);
  });
});

describe('the book of payloads', () => {
  it('finds two payloads of one name, also across books, and lets merged ticks have other sizes', () => {
    const here = createPayloadBook();
    const there = createPayloadBook();
    here.saw(tick(1, { size: '2' }), 'one');
    here.saw(tick(1, { size: '7', merged: 0 }), 'two');
    here.saw(quote(1), 'three');
    expect(here.conflicts()).toEqual([]);
    there.saw(tick(1, { size: '2', price: '99' }), 'four');
    here.take(there.drain(), 'there');
    expect(here.conflicts()).toEqual(['[I3] g1 A 1 is 99 at 1 at there and 1 at 1 elsewhere']);
    expect(there.drain()).toEqual([]);
    there.saw(tick(2, { price: '99', ts: 1 }), 'five');
    expect(there.conflicts()).toEqual([expect.stringContaining('counted twice')]);
  });
});
