/** Redis emptied, rolled back, frozen, killed, full, or not there at all. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { createClient } from 'redis';
import { freePort } from '../support/free-port.ts';
import { startRedis } from '../support/start-redis.ts';
import { startReplica } from '../support/start-replica.ts';
import { healthOf, push } from '../cluster/cluster-under-test.ts';
import { startPusher, type Pusher } from '../support/pusher.ts';
import { until } from '../support/until.ts';
import { apiKey, startFaultCluster, ttlMs, type FaultCluster } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { feedReached, lossesOf, pauseOf } from './measures.ts';

function pushTo({ replicas }: FaultCluster): Pusher {
  const pusher = startPusher({
    urls: replicas.map(({ url }) => url),
    symbols: ['DEMO'],
    apiKey,
    everyMs: 20,
  });
  onTestFinished(() => pusher.finish(0));
  return pusher;
}

/** Every push that was answered with 200 is there once; the others were accepted in the end. */
async function expectPushed(cluster: FaultCluster, pusher: Pusher): Promise<number> {
  await pusher.finish(10_000);
  const settledMs = await cluster.expectSound();
  expect(pusher.faults(cluster.book)).toEqual([]);
  return settledMs;
}

describe('Redis', () => {
  faultRow(
    { fault: 'FLUSHALL under load, three times', promise: 'a new generation, snapshots, 0 stale' },
    async (measure) => {
      const cluster = await startFaultCluster();
      await cluster.watchAll();
      const pusher = pushTo(cluster);
      const times: number[] = [];
      for (let round = 0; round < 3; round++) {
        await pass(700);
        await cluster.store.client.flushAll();
        times.push(await cluster.ticksAgain());
      }
      await pass(500);
      measure(`ticks again within ${shown(Math.max(...times))}`);
      const settledMs = await expectPushed(cluster, pusher);
      const generations = cluster.store.generations().length;
      measure(`${generations} generations, all clients current ${shown(settledMs)} later`);
      expect(generations).toBe(4);
      for (const { check, kind } of cluster.watches)
        if (kind === 'stream') expect(check.counts().generations).toBeGreaterThanOrEqual(3);
    },
  );

  faultRow(
    {
      fault: 'Redis killed, an older append-only file restored, started',
      promise: 'no (generation, symbol, seq) is ever used twice',
    },
    async (measure) => {
      const dir = await mkdtemp(join(tmpdir(), 'tickwire-aof-'));
      onTestFinished(() => rm(dir, { recursive: true, force: true }));
      const [live, copy] = [join(dir, 'live'), join(dir, 'copy')];
      await cp(await mkdtemp(join(dir, 'empty-')), live, { recursive: true });
      const args = ['--appendonly', 'yes', '--appendfsync', 'always'];
      const cluster = await startFaultCluster({ redis: { dir: live, args } });
      await cluster.watchAll();
      const pusher = pushTo(cluster);
      await pass(500);
      await cp(live, copy, { recursive: true });
      await pass(2_000);
      await cluster.redis.kill('SIGKILL');
      await rm(live, { recursive: true });
      await cp(copy, live, { recursive: true });
      await cluster.redis.restart();
      const againMs = await cluster.ticksAgain();
      await pass(1_000);
      measure(`ticks again ${shown(againMs)} after its start`);
      await pusher.finish(10_000);
      await cluster.expectSound();
      measure(`generations ${cluster.store.generations().length}`);
      expect(cluster.store.generations().length).toBeGreaterThan(1);
    },
  );

  faultRow(
    {
      fault: 'appends time out, their outcome unknown: Redis frozen for 0.8 s and 1.5 s, five times each',
      promise: 'retried with the same batch id: 0 duplicates, 0 lost',
      withinMs: 120_000,
    },
    async (measure) => {
      const cluster = await startFaultCluster();
      await cluster.watchAll();
      const pusher = pushTo(cluster);
      const pauses: number[] = [];
      for (const frozenMs of [800, 1_500, 800, 1_500, 800, 1_500, 800, 1_500, 800, 1_500]) {
        const from = performance.now();
        await cluster.redis.kill('SIGSTOP');
        await pass(frozenMs);
        await cluster.redis.kill('SIGCONT');
        await cluster.ticksAgain();
        pauses.push(pauseOf(cluster.watches, from) - frozenMs);
        await pass(300);
      }
      const losses = lossesOf(cluster.watches);
      measure(`ticks again ${shown(Math.max(...pauses))} after it woke, at most; lost: ${losses.length}`);
      await expectPushed(cluster, pusher);
      measure(`${pusher.accepted()} pushes accepted, each there once`);
      expect(losses).toEqual([]);
    },
  );

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
