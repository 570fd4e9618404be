import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

const rate = { perSecond: 10, burst: 50 };

function takes(bucket: TokenBucket, cost: number, now: number): number {
  let count = 0;
  while (count < 1_000 && bucket.take(cost, now)) count++;
  return count;
}

describe('a token bucket', () => {
  it('gives the burst at once, then the rate, and no more than the burst after a long time', () => {
    const bucket = new TokenBucket(rate, 0);
    expect([takes(bucket, 1, 0), takes(bucket, 1, 500), takes(bucket, 1, 1_000_000)]).toEqual([50, 5, 50]);
  });

  it('takes nothing where there is not enough', () => {
    const bucket = new TokenBucket(rate, 0);
    expect([bucket.take(51, 0), bucket.take(50, 0), bucket.take(1, 0)]).toEqual([false, true, false]);
  });

  it('never gives more than the burst and the rate over the time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ waitMs: fc.nat(2_000), cost: fc.double({ min: 0.1, max: 60, noNaN: true }) })),
        (steps) => {
          const bucket = new TokenBucket(rate, 0);
          let [now, given] = [0, 0];
          for (const { waitMs, cost } of steps) {
            now += waitMs;
            if (bucket.take(cost, now)) given += cost;
          }
          expect(given).toBeLessThanOrEqual(rate.burst + (now * rate.perSecond) / 1_000 + 1e-6);
        },
      ),
    );
  });
});
