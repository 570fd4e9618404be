/** What clients get of the ticks that they missed. */
import { describe, expect, it } from 'vitest';
import type { Position, Snapshot, Tick } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import { resultOf, startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

/** Pushes prices 1, 2, 3 ... of a symbol; the first has seq 1. */
async function pushMany({ push }: ReplicaUnderTest, symbol: string, from: number, to: number): Promise<void> {
  for (let next = from; next <= to; next += 500) {
    const prices = Array.from({ length: Math.min(500, to - next + 1) }, (_, index) => `${next + index}`);
    expect(await push(prices.map((price) => ({ symbol, price })))).toBe(200);
  }
}

/** A replica whose symbol A has had ticks 1 to `count`, and a position in its stream. */
async function withTicks(count: number, env: Record<string, string> = {}) {
  const replica = await startReplica(env);
  await replica.price({ A: '1' });
  await pushMany(replica, 'A', 2, count);
  const first = replica.connect();
  const { gen } = resultOf(await first.subscribe(['A']), 'A');
  return { replica, gen, at: (seq: number): Record<string, Position> => ({ A: [gen, seq] }) };
}

const seqs = (ticks: readonly Tick[]) => ticks.map(({ seq }) => seq);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('recovery', () => {
  it('[RC1] replays every missed tick, oldest first, then sends the live ones; nothing if nothing was missed', async () => {
    const { replica, at } = await withTicks(20);
    const client = replica.connect();
    const answer = await client.subscribe({ symbols: ['A', 'B'], since: at(12) });
    expect(resultOf(answer, 'A')).toMatchObject({ seq: 20, recovered: true, replayed: 8 });
    expect(resultOf(answer, 'B')).toMatchObject({ recovered: false, replayed: 0 });
    await pushMany(replica, 'A', 21, 23);
    await client.seen('tick', 11);
    expect(seqs(client.ticks('A'))).toEqual(range(13, 23));
    expect(client.of<Snapshot>('snapshot')).toEqual([{ quotes: [], reason: 'subscribe' }]);

    const upToDate = replica.connect();
    const nothing = await upToDate.subscribe({ symbols: ['A'], since: at(23) });
    expect(resultOf(nothing, 'A')).toMatchObject({ recovered: true, replayed: 0 });
    await pushMany(replica, 'A', 24, 24);
    await upToDate.seen('tick');
    expect(seqs(upToDate.ticks())).toEqual([24]);
  });

  it('[RC1] a replayed tick equals the live tick byte for byte', async () => {
    const { replica, at } = await withTicks(1);
    const listener = replica.connect();
    await listener.subscribe(['A']);
    await replica.push([
      { symbol: 'A', price: '2', size: '0.50' },
      { symbol: 'A', price: '3', volume: '7' },
    ]);
    await listener.seen('tick', 2);
    const atHand = replica.connect();
    await atHand.subscribe({ symbols: ['A'], since: at(1) });
    // In steps that are taken one after the other: nothing is merged for a client that keeps up.
    for (let from = 4; from <= 200; from += 50) {
      await pushMany(replica, 'A', from, Math.min(from + 49, 200));
      await atHand.seen('tick', Math.min(from + 49, 200) - 1);
    }
    const fromHistory = replica.connect();
    await fromHistory.subscribe({ symbols: ['A'], since: at(1) });
    await atHand.seen('tick', 199);
    await fromHistory.seen('tick', 199);
    const text = (ticks: readonly Tick[]) => ticks.slice(0, 2).map((tick) => JSON.stringify(tick));
    expect(text(atHand.ticks())).toEqual(text(listener.ticks()));
    expect(text(fromHistory.ticks())).toEqual(text(listener.ticks()));
  });

  it('[RC1] replays many missed ticks, over polling too', async () => {
    const { replica, at } = await withTicks(1_000, { MAX_REPLAY_TICKS: '1500' });
    const client = replica.connect({ transports: ['polling'] });
    const subscribed = client.subscribe({ symbols: ['A'], since: at(100) });
    const [answer] = await Promise.all([subscribed, pushMany(replica, 'A', 1_001, 1_050)]);
    expect(resultOf(answer, 'A')).toMatchObject({ recovered: true });
    await client.seen('tick', 950, 20_000);
    expect(seqs(client.ticks('A'))).toEqual(range(101, 1_050));
  });

  it('[RC2] sends a snapshot for an unknown generation and a position that is ahead or too old, never a part', async () => {
    const { replica, gen, at } = await withTicks(400, { MAX_REPLAY_TICKS: '300' });
    for (const since of [
      { A: ['zzzzzz', 12] },
      { A: ['', 0] },
      at(401),
      at(2 ** 53 - 1),
      at(99),
      at(0),
    ] as Record<string, Position>[]) {
      const client = replica.connect();
      expect(resultOf(await client.subscribe({ symbols: ['A'], since }), 'A')).toEqual({
        ok: true,
        gen,
        seq: 400,
        everyMs: 0,
        recovered: false,
        replayed: 0,
      });
      await client.seen('snapshot');
      expect(client.of<Snapshot>('snapshot')[0]?.quotes).toMatchObject([{ seq: 400 }]);
      expect(client.ticks()).toEqual([]);
    }
    const client = replica.connect();
    expect(resultOf(await client.subscribe({ symbols: ['A'], since: at(100) }), 'A')).toMatchObject({
      recovered: true,
      replayed: 300,
    });
  });

  it('[RC3] replays at most MAX_REPLAY_TICKS, also if the store has more', async () => {
    const { replica, at } = await withTicks(50, { MAX_REPLAY_TICKS: '10' });
    expect(resultOf(await replica.connect().subscribe({ symbols: ['A'], since: at(39) }), 'A')).toMatchObject(
      { recovered: false },
    );
    expect(resultOf(await replica.connect().subscribe({ symbols: ['A'], since: at(40) }), 'A')).toMatchObject(
      { recovered: true, replayed: 10 },
    );
  });

  it('[RC1] replays before live ticks to a client that already listens', async () => {
    const { replica, at } = await withTicks(30, { UPDATE_INTERVAL: '10' });
    const client = replica.connect();
    await client.subscribe(['A', 'BTC-USD']);
    await client.subscribe({ symbols: ['A'], since: at(10) });
    await pushMany(replica, 'A', 31, 40);
    await until(() => client.ticks('A').at(-1)?.seq === 40);
    expect(seqs(client.ticks('A'))).toEqual(range(11, 40));
  });

  it('[RC1] replays from memory while the store is away', async () => {
    const { replica, at } = await withTicks(20);
    await pushMany(replica, 'A', 21, 25);
    replica.backplane.setLink(false);
    expect(resultOf(await replica.connect().subscribe({ symbols: ['A'], since: at(20) }), 'A')).toMatchObject(
      { recovered: true, replayed: 5 },
    );
  });
});
