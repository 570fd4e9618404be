/** Symbols at a rate (`everyMs`): what a client gets of each period, and when it comes and goes. */
import { describe, expect, it } from 'vitest';
import type { Snapshot, Tick } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import { resultOf, startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

/** Periods last half as long as their names say. */
const quick = { speed: 2 };

/** A replica on which A has the price 10. */
async function withPrice(env: Record<string, string> = {}, options: object = {}): Promise<ReplicaUnderTest> {
  const replica = await startReplica(env, { ...quick, ...options });
  await until(async () => (await replica.push([{ symbol: 'A', price: '10', size: '1' }])) === 200);
  return replica;
}

describe('rates', () => {
  it('[RT1][F3] sends the newest tick of each period, merged with all others of it, in one write', async () => {
    const { connect, push, metric } = await withPrice();
    const client = connect({ transports: ['websocket'] });
    await client.subscribe({ symbols: ['A', 'B', 'C'], everyMs: 250 });
    const counted = (): Promise<number[]> =>
      Promise.all(['deliveries_total', 'writes_total'].map((name) => metric(`tickwire_${name}`)));
    const [deliveries = NaN, writes = NaN] = await counted();
    await push([
      { symbol: 'A', price: '12.50', size: '1.5' },
      { symbol: 'B', price: '2' },
      { symbol: 'A', price: '9', size: '2' },
      { symbol: 'C', price: '2' },
      { symbol: 'A', price: '11' },
    ]);
    await client.seen('tick', 3);
    expect(await counted()).toEqual([deliveries + 3, writes + 1]);
    expect(client.ticks('A')).toMatchObject([
      { seq: 4, price: '11', merged: 2, high: '12.50', low: '9', size: '3.5' },
    ]);
    await push([{ symbol: 'A', price: '13' }]);
    await client.seen('tick', 4);
    expect(client.ticks('A')[1]).not.toHaveProperty('merged');
    expect(client.faults()).toEqual([]);
  });

  it('[RT2] each symbol has its own rate; a change of it sends a snapshot first', async () => {
    const replica = await withPrice();
    const { push } = replica;
    const client = replica.connect();
    await client.subscribe({ symbols: ['A', 'B'], everyMs: 5_000 });
    await push([
      { symbol: 'A', price: '11' },
      { symbol: 'B', price: '1' },
    ]);
    expect(resultOf(await client.subscribe(['A']), 'A')).toMatchObject({ seq: 2, everyMs: 0 });
    await push([
      { symbol: 'A', price: '12' },
      { symbol: 'B', price: '2' },
      { symbol: 'A', price: '13' },
    ]);
    await client.seen('tick', 2);
    expect(resultOf(await client.subscribe({ symbols: ['B'], everyMs: 250 }), 'B')).toMatchObject({ seq: 2 });
    await push([{ symbol: 'B', price: '3' }]);
    await client.seen('tick', 3);
    const told = client.events.flatMap(({ event, payload }) => {
      if (event === 'snapshot')
        return (payload as Snapshot).quotes.map(({ symbol, seq }) => `snapshot ${symbol}:${seq}`);
      return event === 'tick' ? [`${(payload as Tick).symbol}:${(payload as Tick).seq}`] : [];
    });
    expect(told).toEqual(['snapshot A:1', 'snapshot A:2', 'A:3', 'A:4', 'snapshot B:2', 'B:3']);
    expect(client.faults()).toEqual([]);
  });

  it('[RT2][SB6] after unsubscribe, ticks that waited are not sent', async () => {
    const replica = await withPrice();
    const client = replica.connect();
    await client.subscribe({ symbols: ['A', 'B'], everyMs: 250 });
    await replica.push([{ symbol: 'A', price: '11' }]);
    await client.call('unsubscribe', ['A']);
    // Two periods of B are a fence for one of A.
    for (const count of [1, 2]) {
      await replica.push([{ symbol: 'B', price: '1' }]);
      await client.seen('tick', count);
    }
    expect(client.ticks().map(({ symbol }) => symbol)).toEqual(['B', 'B']);
  });

  it('[RT3] neither loses nor repeats a tick, whenever calls arrive between ticks and periods', async () => {
    const replica = await startReplica({ UPDATE_INTERVAL: '10' }, quick);
    const clients = [replica.connect({ transports: ['websocket'] }), replica.connect()];
    await Promise.all(
      clients.map(async (client) => {
        for (let round = 0; round < 24; round++) {
          const seen = client.ticks().length;
          await client.subscribe({ symbols: ['BTC-USD'], everyMs: [250, 0, 250, 250][round % 4] });
          if (round % 3 === 0) await until(() => client.ticks().length > seen);
          if (round % 5 === 0) await client.call('unsubscribe', ['BTC-USD']);
        }
      }),
    );
    expect(clients.flatMap((client) => client.faults())).toEqual([]);
  });

  it('[RT4] sends missed ticks as one with the figures of the day, however old, without the store', async () => {
    const replica = await withPrice({ MAX_REPLAY_TICKS: '50' });
    const first = replica.connect();
    const { gen } = resultOf(await first.subscribe(['A']), 'A');
    for (let part = 0; part < 2; part++)
      await replica.push(
        Array.from({ length: 200 }, (_, index) => ({ symbol: 'A', price: `${index + 1}`, size: '1' })),
      );
    await until(() => first.ticks().at(-1)?.seq === 401);
    replica.backplane.setLink(false);
    const client = replica.connect();
    const answer = await client.subscribe({ symbols: ['A'], everyMs: 250, since: { A: [gen, 1] } });
    expect(resultOf(answer, 'A')).toEqual({
      ok: true,
      gen,
      seq: 401,
      everyMs: 250,
      recovered: true,
      replayed: 1,
    });
    await client.seen('tick');
    expect(client.of<Snapshot>('snapshot')).toEqual([{ quotes: [], reason: 'subscribe' }]);
    const [tick] = client.ticks();
    expect(tick).toMatchObject({ seq: 401, merged: 399, price: '200' });
    expect(tick).toMatchObject({ day: { open: '10', high: '200', low: '1', volume: '401' } });
    expect(Object.keys(tick ?? {})).not.toContain('size');
  });

  it('[SQ7] a gap sends a snapshot at every rate, and no tick from before it', async () => {
    const replica = await withPrice({}, { storeWindow: { maxWindowBytes: 1_000 } });
    const clients = [0, 250, 1_000].map((everyMs) => ({ everyMs, client: replica.connect() }));
    for (const { everyMs, client } of clients) await client.subscribe({ symbols: ['A'], everyMs });
    await replica.push([{ symbol: 'A', price: '11' }]);
    await clients[0]?.client.seen('tick');
    replica.backplane.loseBatches(true);
    await replica.push(Array.from({ length: 20 }, (_, index) => ({ symbol: 'A', price: `${20 + index}` })));
    replica.backplane.loseBatches(false);
    for (const { client } of clients) {
      await until(() => client.of<Snapshot>('snapshot').at(-1)?.quotes[0]?.seq === 22);
      expect(client.of<Snapshot>('snapshot').at(-1)?.reason).toBe('gap');
    }
    await replica.push([{ symbol: 'A', price: '12' }]);
    for (const { client } of clients) await until(() => client.ticks().at(-1)?.seq === 23);
    for (const { client } of clients) {
      // A period that ended before the gap may have sent seq 2; the snapshot replaces it otherwise.
      const seqs = client.events.flatMap(({ event, payload }): (number | string)[] =>
        event === 'tick' ? [(payload as Tick).seq] : event === 'snapshot' ? ['snapshot'] : [],
      );
      expect(seqs.slice(seqs.lastIndexOf('snapshot'))).toEqual(['snapshot', 23]);
    }
    expect(clients.flatMap(({ client }) => client.faults())).toEqual([]);
  });
});
