/** Redis ends and starts again under a cluster, and other processes emit through Redis. */
import { Emitter } from '@socket.io/redis-emitter';
import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { FeedState, Snapshot } from '../../protocol/index.ts';
import { sharedCluster } from '../support/shared-cluster.ts';
import { until } from '../support/until.ts';
import { apiKey, healthOf, push, startClusterUnderTest } from './cluster-under-test.ts';

describe('Redis', () => {
  it('[FR2][FR3][SQ4] killed: feeds are stale, pushes rejected, and new clients served; restarted: live in a new generation, without a crash', async () => {
    const cluster = await startClusterUnderTest();
    const pids = cluster.replicas.map(({ pid }) => pid);
    const clients = cluster.replicas.map(({ url }) => cluster.connect({}, url));
    for (const client of clients) {
      await client.seen('hello');
      await client.subscribe(['BTC-USD', 'DEMO']);
      await client.seen('tick');
    }

    await cluster.redis.kill('SIGKILL');
    for (const client of clients) await until(() => client.of<FeedState>('feed').at(-1)?.state === 'stale');
    const refused = await push(cluster.url, [{ symbol: 'DEMO', price: '1' }]);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('Retry-After')).not.toBeNull();
    const alone = await fetch(`${cluster.url}/api/stats/connections`, { headers: { 'X-API-Key': apiKey } });
    expect([alone.status, await alone.json()]).toMatchObject([503, { name: 'replicas_unreachable' }]);
    const health = await healthOf(cluster.replicas[0]?.url ?? '');
    expect(health).toMatchObject({
      status: 'degraded',
      ready: true,
      backplane: { state: 'down' },
      feed: { state: 'stale' },
    });

    const late = cluster.connect({ transports: ['websocket'] });
    expect(await late.subscribe(['BTC-USD'])).toMatchObject({ results: { 'BTC-USD': { ok: true } } });
    await late.seen('snapshot');
    expect(late.of<Snapshot>('snapshot')[0]?.quotes).toMatchObject([{ symbol: 'BTC-USD', stale: true }]);
    const read = await fetch(`${cluster.url}/api/ticks?symbols=BTC-USD`);
    expect([read.status, await read.json()]).toMatchObject([200, { quotes: [{ stale: true }] }]);
    clients.push(late);

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

  it("[S2] an emit of another process to a symbol's room reaches its clients on every replica", async () => {
    const cluster = sharedCluster();
    const [symbol = ''] = cluster.claimSymbols(1);
    const clients = cluster.replicas.map(({ url }) => cluster.connect({}, url));
    for (const client of clients) {
      await client.seen('hello');
      await client.subscribe([symbol]);
    }
    const redis = createClient({ url: cluster.redisUrl });
    await redis.connect();
    onTestFinished(() => redis.destroy());
    new Emitter(redis, { key: `${cluster.redisPrefix}:io` })
      .to(`tick:${symbol}`)
      .emit('news', { about: symbol });
    for (const client of clients) {
      await client.seen('news');
      expect(client.of('news')).toEqual([{ about: symbol }]);
    }
  });
});
