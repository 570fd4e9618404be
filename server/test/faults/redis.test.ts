/** Redis frozen, killed, full, with wrong settings, or not there at all. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { createClient } from 'redis';
import { freePort } from '../support/free-port.ts';
import { startRedis } from '../support/start-redis.ts';
import { startReplica } from '../support/start-replica.ts';
import { healthOf, push } from '../cluster/cluster-under-test.ts';
import { until } from '../support/until.ts';
import { startFaultCluster, ttlMs } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { feedReached, lossesOf } from './measures.ts';

describe('Redis', () => {
  faultRow(
    {
      fault: 'Redis stopped for 5 s',
      promise:
        'stale at clients within 3.5 s, the leader steps down, live within 1.5 s of its return, 0 lost',
    },
    async (measure) => {
      const cluster = await startFaultCluster();
      await cluster.watchAll();
      const leader = await cluster.leader();
      const from = performance.now();
      await cluster.redis.kill('SIGSTOP');
      const staleMs = await feedReached(cluster.watches, 'stale', from, 6_000);
      await until(async () => !(await healthOf(leader.url)).leader.me, { withinMs: 2_000 });
      await pass(Math.max(0, 5_000 - (performance.now() - from)));
      const back = performance.now();
      await cluster.redis.kill('SIGCONT');
      const liveMs = await feedReached(cluster.watches, 'live', back, 10_000);
      await cluster.ticksAgain();
      await pass(300);
      const losses = lossesOf(cluster.watches);
      measure(
        `stale after ${shown(staleMs)}, live ${shown(liveMs)} after its return; lost: ${losses.length}`,
      );
      await cluster.expectSound();
      expect(staleMs).toBeLessThan(3_500);
      expect(liveMs).toBeLessThan(1_500);
      expect(losses).toEqual([]);
    },
  );

  faultRow(
    {
      fault: 'Redis kill -9, start 3 s later',
      promise:
        'stale within 1.5 s, live within 1.5 s of accepting; pushes meanwhile 503 with Retry-After, never 2xx, not repeated by Nginx',
    },
    async (measure) => {
      const cluster = await startFaultCluster();
      await cluster.watchAll();
      const pids = cluster.replicas.map(({ pid }) => pid);
      const from = performance.now();
      await cluster.redis.kill('SIGKILL');
      const staleMs = await feedReached(cluster.watches, 'stale', from, 6_000);
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => push(cluster.url, [{ symbol: 'DEMO', price: '1' }])),
      );
      const statuses = [...new Set(answers.map(({ status }) => status))];
      const asked = (): number =>
        cluster.replicas.flatMap(({ logs }) => logs().filter((line) => line.includes('"PUT"'))).length;
      await until(() => asked() >= answers.length);
      await pass(Math.max(0, 3_000 - (performance.now() - from)));
      await cluster.redis.restart();
      // It may have been told before we knew that Redis accepts.
      const back = performance.now();
      const liveMs = (await feedReached(cluster.watches, 'live', from, 10_000)) - (back - from);
      await cluster.ticksAgain();
      measure(
        `stale after ${shown(staleMs)}, live ${shown(liveMs)} after it accepted; 20 pushes: ${statuses.join()}, reached replicas ${asked()} times`,
      );
      await cluster.expectSound();
      expect(staleMs).toBeLessThan(1_500);
      expect(liveMs).toBeLessThan(1_500);
      expect(statuses).toEqual([503]);
      expect(answers.filter(({ headers }) => headers.get('Retry-After') === null)).toEqual([]);
      expect(asked()).toBe(answers.length);
      expect(cluster.replicas.map(({ pid }) => pid)).toEqual(pids);
    },
  );

  faultRow(
    {
      fault: 'Redis out of memory for 3 s',
      promise: 'writes fail as 503 and stale, no crash, live within TTL + 1 s of the end',
    },
    async (measure) => {
      const cluster = await startFaultCluster();
      await cluster.watchAll();
      const pids = cluster.replicas.map(({ pid }) => pid);
      const from = performance.now();
      await cluster.store.client.configSet('maxmemory', '1');
      const staleMs = await feedReached(cluster.watches, 'stale', from, 6_000);
      const answer = await push(cluster.url, [{ symbol: 'DEMO', price: '1' }]);
      await pass(Math.max(0, 3_000 - (performance.now() - from)));
      const back = performance.now();
      await cluster.store.client.configSet('maxmemory', '0');
      const liveMs = await feedReached(cluster.watches, 'live', back, 10_000);
      await cluster.ticksAgain();
      const losses = lossesOf(cluster.watches);
      measure(
        `stale after ${shown(staleMs)}, a push ${answer.status}, live ${shown(liveMs)} after; lost: ${losses.length}`,
      );
      await cluster.expectSound();
      expect(answer.status).toBe(503);
      expect(answer.headers.get('Retry-After')).not.toBeNull();
      expect(staleMs).toBeLessThan(3_500);
      expect(liveMs).toBeLessThan(ttlMs + 1_000);
      expect(cluster.replicas.map(({ pid }) => pid)).toEqual(pids);
      expect(losses).toEqual([]);
    },
  );

  faultRow(
    {
      fault: 'Redis with an eviction policy',
      promise: 'not used: not ready, with a reason that names it; used within 2 s of its mending',
    },
    async (measure) => {
      const redis = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
      onTestFinished(() => redis.stop());
      const port = await freePort();
      const starting = startReplica({ node: 'r1', port, env: replicaEnv(redis.url) });
      onTestFinished(async () => (await starting).stop());
      const url = `http://127.0.0.1:${port}`;
      await until(async () => /noeviction/.test(JSON.stringify(await healthOf(url).catch(() => null))), {
        withinMs: 8_000,
      });
      expect((await fetch(`${url}/health/ready`)).status).toBe(503);
      const client = createClient({ url: redis.url });
      await client.connect();
      const from = performance.now();
      await client.configSet('maxmemory-policy', 'noeviction');
      client.destroy();
      await starting;
      measure(`ready ${shown(performance.now() - from)} after its mending`);
      expect(performance.now() - from).toBeLessThan(2_000);
    },
  );

  faultRow(
    {
      fault: 'start without Redis',
      promise: 'alive and not ready, no crash, ready within 1.5 s of its start',
    },
    async (measure) => {
      const redis = await startRedis();
      onTestFinished(() => redis.stop());
      await redis.kill('SIGKILL');
      const port = await freePort();
      const starting = startReplica({ node: 'r1', port, env: replicaEnv(redis.url) });
      onTestFinished(async () => (await starting).stop());
      const url = `http://127.0.0.1:${port}`;
      await until(async () => (await fetch(`${url}/health/live`).catch(() => null))?.ok === true, {
        withinMs: 8_000,
      });
      await pass(2_000);
      expect((await fetch(`${url}/health/ready`)).status).toBe(503);
      await redis.restart();
      const from = performance.now();
      const replica = await starting;
      const readyMs = performance.now() - from;
      await until(async () => (await healthOf(url)).feed.state === 'live', { withinMs: 5_000 });
      measure(`ready ${shown(readyMs)}, live ${shown(performance.now() - from)} after Redis`);
      expect(replica.running()).toBe(true);
      expect(readyMs).toBeLessThan(1_500);
    },
  );
});

function replicaEnv(redisUrl: string): NodeJS.ProcessEnv {
  return { ...process.env, BACKPLANE: 'redis', REDIS_URL: redisUrl, REDIS_PREFIX: 'faults' };
}
