/** Redis frozen, killed, full, with wrong settings, or not there at all. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { createClient } from 'redis';
import { freePort } from '../support/processes/free-port.ts';
import { startRedis } from '../support/processes/start-redis.ts';
import { startReplica } from '../support/processes/start-replica.ts';
import { healthOf, push } from '../cluster/cluster-under-test.ts';
import { until } from '../support/until.ts';
import { ttlMs, type FaultCluster } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { feedReached } from './measures.ts';
import { onCluster } from './on-cluster.ts';

const pidsOf = ({ replicas }: FaultCluster) => replicas.map(({ pid }) => pid);
const pushOne = ({ url }: FaultCluster) => push(url, [{ symbol: 'DEMO', price: '1' }]);
/** Resolves so long after that moment. */
const passed = (ms: number, from: number) => pass(Math.max(0, ms - (performance.now() - from)));

/** One replica at that Redis, which need not become ready; ends with the test. */
async function startAt(redisUrl: string) {
  const port = await freePort();
  const env = { ...process.env, BACKPLANE: 'redis', REDIS_URL: redisUrl, REDIS_PREFIX: 'faults' };
  const starting = startReplica({ node: 'r1', port, env });
  onTestFinished(async () => (await starting).stop());
  const url = `http://127.0.0.1:${port}`;
  return { starting, url, readiness: async () => (await fetch(`${url}/health/ready`)).status };
}

describe('Redis', () => {
  faultRow(
    {
      fault: 'Redis stopped for 5 s',
      promise:
        'stale at clients within 3.5 s, the leader steps down, live within 1.5 s of its return, 0 lost',
    },
    onCluster({}, async (cluster, measure) => {
      const leader = await cluster.leader();
      const from = performance.now();
      await cluster.redis.kill('SIGSTOP');
      const staleMs = await feedReached(cluster.watches, 'stale', from, 6_000);
      await until(async () => !(await healthOf(leader.url)).leader.me, { withinMs: 2_000 });
      await passed(5_000, from);
      const back = performance.now();
      await cluster.redis.kill('SIGCONT');
      const liveMs = await feedReached(cluster.watches, 'live', back, 10_000);
      await cluster.ticksAgain();
      await pass(300);
      measure(`stale after ${shown(staleMs)}, live ${shown(liveMs)} after its return`);
      expect(staleMs).toBeLessThan(3_500);
      expect(liveMs).toBeLessThan(1_500);
    }),
  );

  faultRow(
    {
      fault: 'Redis kill -9, start 3 s later',
      promise:
        'stale within 1.5 s, live within 1.5 s of accepting; pushes meanwhile 503 with Retry-After, never 2xx, not repeated by Nginx',
    },
    onCluster({ mayLose: true }, async (cluster, measure) => {
      const pids = pidsOf(cluster);
      const from = performance.now();
      await cluster.redis.kill('SIGKILL');
      const staleMs = await feedReached(cluster.watches, 'stale', from, 6_000);
      const answers = await Promise.all(Array.from({ length: 20 }, () => pushOne(cluster)));
      const statuses = [...new Set(answers.map(({ status }) => status))];
      const asked = (): number =>
        cluster.replicas.flatMap(({ logs }) => logs().filter((line) => line.includes('"PUT"'))).length;
      await until(() => asked() >= answers.length);
      await passed(3_000, from);
      await cluster.redis.restart();
      // It may have been told before we knew that Redis accepts.
      const back = performance.now();
      const liveMs = (await feedReached(cluster.watches, 'live', from, 10_000)) - (back - from);
      await cluster.ticksAgain();
      measure(
        `stale after ${shown(staleMs)}, live ${shown(liveMs)} after it accepted; 20 pushes: ${statuses.join()}, reached replicas ${asked()} times`,
      );
      expect(staleMs).toBeLessThan(1_500);
      expect(liveMs).toBeLessThan(1_500);
      expect(statuses).toEqual([503]);
      expect(answers.filter(({ headers }) => headers.get('Retry-After') === null)).toEqual([]);
      expect(asked()).toBe(answers.length);
      expect(pidsOf(cluster)).toEqual(pids);
    }),
  );

  faultRow(
    {
      fault: 'Redis out of memory for 3 s',
      promise: 'writes fail as 503 and stale, no crash, live within TTL + 1 s of the end',
    },
    onCluster({}, async (cluster, measure) => {
      const pids = pidsOf(cluster);
      const from = performance.now();
      await cluster.store.client.configSet('maxmemory', '1');
      const staleMs = await feedReached(cluster.watches, 'stale', from, 6_000);
      const answer = await pushOne(cluster);
      await passed(3_000, from);
      const back = performance.now();
      await cluster.store.client.configSet('maxmemory', '0');
      const liveMs = await feedReached(cluster.watches, 'live', back, 10_000);
      await cluster.ticksAgain();
      measure(`stale after ${shown(staleMs)}, a push ${answer.status}, live ${shown(liveMs)} after`);
      expect(answer.status).toBe(503);
      expect(answer.headers.get('Retry-After')).not.toBeNull();
      expect(staleMs).toBeLessThan(3_500);
      expect(liveMs).toBeLessThan(ttlMs + 1_000);
      expect(pidsOf(cluster)).toEqual(pids);
    }),
  );

  faultRow(
    {
      fault: 'Redis with an eviction policy',
      promise: 'not used: not ready, with a reason that names it; used within 2 s of its mending',
    },
    async (measure) => {
      const redis = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
      onTestFinished(() => redis.stop());
      const { starting, url, readiness } = await startAt(redis.url);
      await until(async () => /noeviction/.test(JSON.stringify(await healthOf(url).catch(() => null))), {
        withinMs: 8_000,
      });
      expect(await readiness()).toBe(503);
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
      const { starting, url, readiness } = await startAt(redis.url);
      await until(async () => (await fetch(`${url}/health/live`).catch(() => null))?.ok === true, {
        withinMs: 8_000,
      });
      await pass(2_000);
      expect(await readiness()).toBe(503);
      await redis.restart();
      const from = performance.now();
      const replica = await starting;
      const readyMs = performance.now() - from;
      await until(async () => (await healthOf(url)).feed.state === 'live');
      measure(`ready ${shown(readyMs)}, live ${shown(performance.now() - from)} after Redis`);
      expect(replica.running()).toBe(true);
      expect(readyMs).toBeLessThan(1_500);
    },
  );
});
