import { describe, expect, it } from 'vitest';
import type { Tick } from '../../protocol/index.ts';
import { parseFrames, stockFrame } from '../../test/support/stand-ins/fake-connection.ts';
import { daysOf } from '../../test/support/stand-ins/log-batches.ts';
import { BadBatch, Batch, encodeBatch, type BatchContent } from './batch.ts';

const tick = (symbol: string, seq: number, price = '1.50'): Tick => ({
  symbol,
  gen: 'gen001',
  seq,
  price,
  ts: 1,
});
const ticks = [tick('A', 1), tick('B', 7, '9'.repeat(200)), tick('A', 2)];
const content: BatchContent = { gen: 'gen001', epoch: 3, number: 12, ticks, days: daysOf(ticks) };

describe('a batch', () => {
  it('reads as it was written, and each frame is the one that Socket.IO, Engine.IO and ws would write', () => {
    const batch = new Batch(encodeBatch(content));
    expect(batch).toMatchObject({
      gen: 'gen001',
      epoch: 3,
      number: 12,
      size: 3,
      records: [],
      sourceSeqs: null,
    });
    expect([batch.symbols, batch.seqs]).toEqual([
      ['A', 'B', 'A'],
      [1, 7, 2],
    ]);
    for (const [place, one] of ticks.entries()) {
      expect(batch.tick(place)).toEqual(one);
      expect(batch.frames(place, place + 1).equals(stockFrame(one).frame)).toBe(true);
      expect(batch.frames(place, place + 1).length).toBe(stockFrame(one).frame.length);
      expect(batch.json(place)).toBe(JSON.stringify(one));
    }
  });

  it('gives neighbouring frames in one piece', () => {
    const batch = new Batch(encodeBatch(content));
    const texts = ticks.map((one) => `42${JSON.stringify(['tick', one])}`);
    expect(parseFrames(batch.frames()).texts).toEqual(texts);
    expect(parseFrames(batch.frames(1, 3)).texts).toEqual(texts.slice(1));
    expect(batch.frames(2, 2)).toHaveLength(0);
  });

  it('carries texts beyond ASCII byte for byte', () => {
    const one = { ...tick('A', 1), price: '1', note: 'é€😀' } as Tick;
    const batch = new Batch(encodeBatch({ ...content, ticks: [one, tick('B', 1)], days: ['0', '0'] }));
    expect(batch.tick(0)).toEqual(one);
    expect(batch.tick(1)).toEqual(tick('B', 1));
  });

  it('carries source numbers and records, and may have no ticks', () => {
    const records: BatchContent['records'] = [
      { kind: 'list', version: 2, set: [['A', null]], unset: ['B'], forgotten: [] },
      { kind: 'pause', version: 1, isPaused: true },
    ];
    const batch = new Batch(encodeBatch({ ...content, ticks: [], days: [], records }));
    expect([batch.size, batch.records]).toEqual([0, records]);
    const numbered = new Batch(encodeBatch({ ...content, sourceSeqs: [5, null, 6] }));
    expect(numbered.sourceSeqs).toEqual([5, null, 6]);
  });

  it.each([
    ['without an index', (bytes: Buffer) => bytes.subarray(0, 3)],
    ['that is cut off in its index', (bytes: Buffer) => bytes.subarray(0, 20)],
    ['that is cut off in its frames', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['with bytes behind it', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
    ['whose index is no JSON', (bytes: Buffer) => Buffer.from(bytes).fill('x', 4, 8)],
    ['whose index lacks fields', () => Buffer.concat([Buffer.from([0, 0, 0, 2]), Buffer.from('{}')])],
  ])('%s is refused', (_what, damage) => {
    expect(() => new Batch(damage(encodeBatch(content)))).toThrow(BadBatch);
  });
});
