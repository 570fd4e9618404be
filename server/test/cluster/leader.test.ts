import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { apiKey, healthOf, push, startClusterUnderTest } from './cluster-under-test.ts';

const ttlMs = 2_000;

describe('the leader', () => {
  it('[LD1] is one, and every replica names the same', async () => {
    const cluster = await startClusterUnderTest();
    const leader = await cluster.leader();
    await until(async () => {
      const healths = await Promise.all(cluster.replicas.map(({ url }) => healthOf(url)));
      return (
        healths.every((health) => health.leader.node === leader.node) &&
        healths.filter((health) => health.leader.me).length === 1
      );
    });
  });

  it('[LD2] killed, it is followed within TTL + 1 s, and no seq is repeated or falls', async () => {
    const cluster = await startClusterUnderTest();
    const clients = cluster.replicas.map(({ url }) => cluster.connect({}, url));
    for (const client of clients) {
      client.follow(['BTC-USD', 'AAPL']);
      await client.seen('tick');
    }
    for (let round = 0; round < 2; round++) {
      const leader = await cluster.leader();
      const survivors = clients.filter((_, index) => cluster.replicas[index] !== leader);
      const before = survivors.map((client) => client.ticks().length);
      await leader.kill('SIGKILL');
      const killedAt = Date.now();
      const next = (index: number) =>
        survivors[index]?.events.find(({ event, at }) => event === 'tick' && at > killedAt + 300);
      await until(() => survivors.every((_, index) => next(index) !== undefined), {
        withinMs: ttlMs + 5_000,
        saw: () => before,
      });
      for (const index of survivors.keys())
        expect((next(index)?.at ?? Infinity) - killedAt).toBeLessThan(ttlMs + 1_000);
      await leader.restart();
      for (const client of clients) {
        const count = client.ticks().length;
        await until(() => client.ticks().length > count, { withinMs: 10_000 });
      }
    }
    // A client that reconnects subscribes anew: its recorder judges by the snapshot that comes first.
    for (const client of clients) expect(client.faults()).toEqual([]);
  });

  it('[LD5] stopped, it is followed at once', async () => {
    const cluster = await startClusterUnderTest();
    const leader = await cluster.leader();
    const other = cluster.replicas.find((replica) => replica !== leader);
    const client = cluster.connect({}, other?.url);
    await client.seen('hello');
    await client.subscribe(['BTC-USD']);
    await client.seen('tick');
    void leader.kill('SIGTERM');
    const count = client.ticks().length;
    await until(() => client.ticks().length > count + 20);
    const times = client.events.filter(({ event }) => event === 'tick').map(({ at }) => at);
    const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.max(...pauses)).toBeLessThan(1_000);
    expect(client.faults()).toEqual([]);
  });

  it('[PB5] takes pushes at any replica, once per Idempotency-Key, and everyone gets them', async () => {
    const cluster = await startClusterUnderTest();
    const leader = await cluster.leader();
    const followers = cluster.replicas.filter((replica) => replica !== leader);
    const clients = cluster.replicas.map(({ url }) => cluster.connect({}, url));
    for (const client of clients) {
      await client.seen('hello');
      await client.subscribe(['DEMO']);
    }
    const answers = await Promise.all(
      [followers[0], followers[1], leader, followers[0]].map((replica) =>
        push(replica?.url ?? '', [{ symbol: 'DEMO', price: '12.50' }], { 'Idempotency-Key': 'one' }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const bodies = await Promise.all(answers.map((answer) => answer.json()));
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('Idempotency-Replayed') === 'true')).toHaveLength(3);
    expect(
      (await push(cluster.url, [{ symbol: 'DEMO', price: '13' }], { 'Idempotency-Key': 'one' })).status,
    ).toBe(409);

    expect((await push(cluster.url, [{ symbol: 'DEMO', price: '12.75' }])).status).toBe(200);
    for (const client of clients) {
      await client.seen('tick', 2);
      expect(client.ticks('DEMO').map(({ seq, price }) => `${seq} ${price}`)).toEqual(['1 12.50', '2 12.75']);
    }
    const quotes = await fetch(`${cluster.url}/api/ticks?symbols=DEMO`, { headers: { 'X-API-Key': apiKey } });
    expect(await quotes.json()).toMatchObject({
      quotes: [{ symbol: 'DEMO', price: '12.75', seq: 2, high: '12.75', low: '12.50' }],
    });
  });

  it('refuses pushes to other sources and to symbols that are not listed', async () => {
    const cluster = await startClusterUnderTest({ replicas: 2 });
    expect((await push(cluster.url, [{ symbol: 'BTC-USD', price: '1' }])).status).toBe(409);
    expect((await push(cluster.url, [{ symbol: 'NOPE', price: '1' }])).status).toBe(404);
    expect(
      (await push(cluster.url, [{ symbol: 'DEMO', price: '1' }], { 'X-API-Key': 'dummy-key-2' })).status,
    ).toBe(401);
  });
});
