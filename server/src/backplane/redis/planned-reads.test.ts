import { describe, expect, it } from 'vitest';
import { createPlannedReads, maxReadInScript, symbolCost } from './planned-reads.ts';

const historyTicks = 300;

function plan(
  requests: Parameters<typeof createPlannedReads>[0],
  shardOf: (symbol: string) => number = () => 0,
) {
  return createPlannedReads(requests, { shardOf, historyTicks });
}

describe('the scripts of a read', () => {
  it('are one a shard, with the place of each request', () => {
    const planned = plan(
      ['a0', 'b1', 'c0'].map((symbol) => ({ symbol })),
      (symbol) => Number(symbol[1]),
    );
    expect(planned.map(({ shard, requests }) => [shard, ...requests.map(({ place }) => place)])).toEqual([
      [0, 0, 2],
      [1, 1],
    ]);
  });

  it('read no more at once than holds Redis for a moment', () => {
    const requests = Array.from({ length: 5_000 }, (_, index) => ({
      symbol: `S${index}`,
      ...(index % 100 === 0 && { after: ['AAAAAA', 1] as [string, number] }),
    }));
    const planned = plan(requests);
    const sizes = planned.map((part) => part.requests.reduce((sum, { most }) => sum + symbolCost + most, 0));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(maxReadInScript);
    expect(planned.flatMap((part) => part.requests.map(({ place }) => place))).toEqual(
      requests.map((_, index) => index),
    );
    expect(plan(requests.map(({ symbol }) => ({ symbol })))).toHaveLength(20);
  });

  it('never read more than the history holds, or than is asked for', () => {
    const after: [string, number] = ['AAAAAA', 1];
    const [part] = plan([
      { symbol: 'A', after },
      { symbol: 'A', after, maxMissed: 10 },
      { symbol: 'A', after, maxMissed: 1_000 },
      { symbol: 'A', maxMissed: 10 },
    ]);
    expect(part?.requests.map(({ most }) => most)).toEqual([300, 10, 300, 0]);
  });

  it('take what is no position for none', () => {
    const seqs = [-1, 1.5, NaN, 2 ** 53, 0];
    const [part] = plan(seqs.map((seq) => ({ symbol: 'A', after: ['AAAAAA', seq] })));
    expect(part?.requests.map(({ after }) => after?.[1] ?? null)).toEqual([null, null, null, null, 0]);
  });
});
