import { describe, expect, it } from 'vitest';
import { assertAppend, createShardOf, hashOf } from './shard-of.ts';

const tick = { symbol: 'BTC-USD', price: '1', ts: 1 };
const day = { open: '1', high: '1', low: '1', volume: '0' };

describe('the shard of a symbol', () => {
  it('comes from FNV-1a, by its published values', () => {
    expect(['', 'a', 'foobar'].map(hashOf)).toEqual([0x81_1c_9d_c5, 0xe4_0c_29_2c, 0xbf_9c_f9_68]);
  });

  it('is 0 where there is one, and spreads over as many as there are', () => {
    expect(createShardOf(1)('BTC-USD')).toBe(0);
    const counts = [0, 0, 0, 0];
    const shardOf = createShardOf(4);
    for (let index = 0; index < 4_000; index++) {
      const shard = shardOf(`SYM${index}-USD`);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(800);
  });

  it('takes no shards, and a fraction of one, for a bug', () => {
    expect(() => createShardOf(0)).toThrow(/at least one shard/);
    expect(() => createShardOf(1.5)).toThrow(/at least one shard/);
  });

  it('takes an append with a symbol of another shard, or with an inexact sourceSeq, for a bug', () => {
    const shardOf = createShardOf(2);
    const own = shardOf(tick.symbol);
    expect(() => assertAppend(own, { drafts: [{ tick, day }] }, shardOf)).not.toThrow();
    expect(() => assertAppend(1 - own, { drafts: [{ tick, day }] }, shardOf)).toThrow(/its own shard/);
    const drafts = [{ tick, day, sourceSeq: 2 ** 53 }];
    expect(() => assertAppend(own, { drafts }, shardOf)).toThrow(/exact integer/);
  });
});
