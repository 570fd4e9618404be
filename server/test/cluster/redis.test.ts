import { Emitter } from '@socket.io/redis-emitter';
import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FeedState, Snapshot } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import { apiKey, healthOf, push, startClusterUnderTest } from './cluster-under-test.ts';

describe('Redis', () => {
  it('killed and started again: stale, no crash, refused pushes, then live in a new generation', async () => {
    const cluster = await startClusterUnderTest();
    const pids = cluster.replicas.map(({ pid }) => pid);
    const clients = cluster.replicas.map(({ url }) => cluster.connect({}, url));
    for (const client of clients) {
      await client.seen('hello');
      await client.subscribe(['BTC-USD', 'DEMO']);
      await client.seen('tick');
    }

    await cluster.redis.kill('SIGKILL');
    const killedAt = Date.now();
    for (const client of clients)
      await until(() => client.of<FeedState>('feed').at(-1)?.state === 'stale', { withinMs: 3_000 });
    expect(Date.now() - killedAt).toBeLessThan(1_500);
    const refused = await push(cluster.url, [{ symbol: 'DEMO', price: '1' }]);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('Retry-After')).not.toBeNull();
    const alone = await fetch(`${cluster.url}/api/stats/connections`, { headers: { 'X-API-Key': apiKey } });
    expect([alone.status, await alone.json()]).toMatchObject([503, { name: 'replicas_unreachable' }]);
    const health = await healthOf(cluster.replicas[0]?.url ?? '');
    expect(health).toMatchObject({
      status: 'degraded',
      ready: false,
      backplane: { state: 'down' },
      feed: { state: 'stale' },
    });

    await cluster.redis.restart();
    for (const client of clients) {
      await until(() => client.of<FeedState>('feed').at(-1)?.state === 'live', {
        withinMs: 5_000,
        saw: () => client.of('feed').at(-1),
      });
      const count = client.ticks('BTC-USD').length;
      await until(() => client.ticks('BTC-USD').length > count + 5);
      expect(client.of<Snapshot>('snapshot').some(({ reason }) => reason === 'generation')).toBe(true);
      expect(client.faults()).toEqual([]);
      expect(client.hellos()).toHaveLength(1);
    }
    expect((await push(cluster.url, [{ symbol: 'DEMO', price: '1' }])).status).toBe(200);
    expect(cluster.replicas.map(({ pid }) => pid)).toEqual(pids);
    expect(cluster.replicas.every((replica) => replica.running())).toBe(true);
  });

  it('[S2] an emit of another process to a symbol room reaches its clients on every replica', async () => {
    const cluster = await startClusterUnderTest();
    const clients = cluster.replicas.map(({ url }) => cluster.connect({}, url));
    for (const client of clients) {
      await client.seen('hello');
      await client.subscribe(['DEMO']);
    }
    const redis = createClient({ url: cluster.redis.url });
    await redis.connect();
    onTestFinished(() => redis.destroy());
    new Emitter(redis, { key: `${cluster.redisPrefix}:io` }).to('tick:DEMO').emit('news', { about: 'DEMO' });
    for (const client of clients) {
      await client.seen('news');
      expect(client.of('news')).toEqual([{ about: 'DEMO' }]);
    }
  });
});
