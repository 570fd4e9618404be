/** The feed paused and resumed over HTTP, while the leader is killed and Redis emptied. */
import { createClient } from 'redis';
import { expect, it, onTestFinished } from 'vitest';
import type { FeedState } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import { apiKey, healthOf, push, shortLease, startClusterUnderTest } from './cluster-under-test.ts';

it('[FP1][FP2][FP3] a paused feed is stale and rejects pushes on every replica, also after the leader was killed and Redis emptied', async () => {
  const cluster = await startClusterUnderTest({ env: shortLease });
  const leader = await cluster.leader();
  const others = cluster.replicas.filter(({ node }) => node !== leader.node);
  const [asked, watched] = others;
  if (asked === undefined || watched === undefined) throw new Error('fewer than three replicas');
  const client = cluster.connect({ transports: ['websocket'] }, watched.url);
  await client.subscribe(['BTC-USD', 'DEMO']);
  await client.seen('tick');
  const post = async (verb: 'pause' | 'resume'): Promise<unknown> => {
    const answer = await fetch(`${asked.url}/api/feed/${verb}`, {
      method: 'POST',
      headers: { 'X-API-Key': apiKey },
    });
    return answer.json();
  };
  const feed = (): FeedState | undefined => client.of<FeedState>('feed').at(-1);
  const isPaused = (): boolean => feed()?.reason === 'paused';

  expect(await post('pause')).toEqual({ feed: 'paused', changed: true });
  await until(isPaused);
  // The feed is stale as a whole, and names no source.
  expect(feed()).toMatchObject({ state: 'stale', sources: [] });
  const refused = await push(asked.url, [{ symbol: 'DEMO', price: '1' }]);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await refused.json()).toMatchObject({ name: 'feed_paused', retry: 'later' });
  const ticks = client.ticks().length;

  await leader.kill('SIGKILL');
  const epoch = await until(
    async () => {
      const { leader: now, feed: told } = await healthOf(asked.url);
      return now.node !== leader.node && now.node !== null && told.reason === 'paused' ? now.epoch : null;
    },
    { withinMs: 15_000 },
  );

  const redis = createClient({ url: cluster.redis.url });
  onTestFinished(() => redis.destroy());
  await redis.connect();
  await redis.sendCommand(['FLUSHALL']);
  await until(
    async () => {
      const answers = await Promise.all(others.map(({ url }) => healthOf(url)));
      return answers.every(
        ({ leader: now, feed: told }) => now.epoch > 0 && now.epoch !== epoch && told.reason === 'paused',
      );
    },
    { withinMs: 15_000 },
  );
  // No tick came before these later heartbeats.
  const beats = client.of('heartbeat').length;
  await client.seen('heartbeat', beats + 2);
  expect(client.ticks()).toHaveLength(ticks);

  await until(async () => JSON.stringify(await post('resume')).includes('running'), { withinMs: 10_000 });
  await until(() => feed()?.state === 'live');
  await until(() => client.ticks().length > ticks);
  expect((await push(asked.url, [{ symbol: 'DEMO', price: '1' }])).status).toBe(200);
  expect(client.faults()).toEqual([]);
});
