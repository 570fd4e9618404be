/** The lease lost: a leader frozen or blocked, or its record deleted or taken. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { healthOf } from '../cluster/cluster-under-test.ts';
import { createRandom } from '../support/random.ts';
import { until } from '../support/until.ts';
import { ttlMs, type FaultCluster } from './fault-cluster.ts';
import { faultRow, shown, type Measure } from './fault-row.ts';
import { figureOf, onlyFence, pauseOf, preload, shortTtlMs } from './measures.ts';
import { onCluster } from './on-cluster.ts';

async function untilFollower(url: string, withinMs: number): Promise<void> {
  await until(async () => !(await healthOf(url)).leader.me, { withinMs });
}

/** Freezes the leader for so long under watch, and wakes it; gives the pause of the others' clients. */
async function freeze(cluster: FaultCluster, frozenMs: number, measure: Measure): Promise<number> {
  const leader = await cluster.leader();
  const others = cluster.watchesBeside(leader.node);
  const from = performance.now();
  await leader.kill('SIGSTOP');
  await pass(frozenMs);
  const pauseMs = pauseOf(others, from);
  await leader.kill('SIGCONT');
  const wokenAt = performance.now();
  await untilFollower(leader.url, 5_000);
  const followerMs = performance.now() - wokenAt;
  await cluster.ticksAgain();
  measure(`pause ${shown(pauseMs)}, follower after ${shown(followerMs)}`);
  expect(followerMs).toBeLessThan(1_000);
  return pauseMs;
}

describe('the lease', () => {
  faultRow(
    {
      fault: 'SIGSTOP leader for 2 x TTL, SIGCONT',
      promise: 'ticks again within TTL + 1 s, 0 stale ticks, a follower again within 1 s',
    },
    onCluster({ mayLose: true }, async (cluster, measure) => {
      expect(await freeze(cluster, 2 * ttlMs, measure)).toBeLessThan(ttlMs + 1_000);
    }),
  );

  faultRow(
    {
      fault: 'the same with a clock that does not count the frozen time, so that only the fence acts',
      promise: '0 stale ticks, a follower again within 1 s',
    },
    onCluster({ mayLose: true, env: onlyFence }, async (cluster, measure) => {
      const leader = await cluster.leader();
      await freeze(cluster, 2 * shortTtlMs, measure);
      const refused = await figureOf(leader.url, 'tickwire_refusals_total', 'epoch');
      measure(`appends refused by the fence: ${refused}`);
      // It did try.
      expect(refused).toBeGreaterThan(0);
    }),
  );

  faultRow(
    {
      fault: 'lease record deleted, or taken by force, at six random moments',
      promise: '0 stale ticks, one leader again within TTL + 1 s',
    },
    onCluster({}, async (cluster, measure) => {
      const { random, seed } = createRandom();
      measure(`seed ${seed}`);
      const key = `${cluster.redisPrefix}:{${cluster.redisPrefix}:0}:lease`;
      const pauses: number[] = [];
      for (let round = 0; round < 6; round++) {
        await pass(random() * 700);
        const from = performance.now();
        if (round % 2 === 0) await cluster.store.client.del(key);
        else {
          await cluster.store.client
            .multi()
            .hSet(key, 'holder', 'nobody-here')
            .hIncrBy(key, 'epoch', 1)
            .hIncrBy(key, 'beat', 1)
            .exec();
        }
        await until(
          async () => {
            const healths = await Promise.all(cluster.replicas.map(({ url }) => healthOf(url)));
            return (
              healths.filter(({ leader }) => leader.me).length === 1 &&
              new Set(healths.map(({ leader }) => `${leader.node} ${leader.epoch}`)).size === 1 &&
              cluster.replicas.some(({ node }) => node === healths[0]?.leader.node)
            );
          },
          { withinMs: 2 * ttlMs + 2_000 },
        );
        await cluster.ticksAgain();
        pauses.push(pauseOf(cluster.watches, from));
      }
      measure(`longest pause ${shown(Math.max(...pauses))}`);
      expect(Math.max(...pauses)).toBeLessThan(ttlMs + 1_000);
    }),
  );

  faultRow(
    {
      fault: 'event loop of the leader blocked for 3 s',
      promise: 'its deadline has passed before it publishes: 0 stale ticks, ticks again within TTL + 1 s',
    },
    onCluster({ env: { NODE_OPTIONS: preload('block-on-signal') } }, async (cluster, measure) => {
      const leader = await cluster.leader();
      const others = cluster.watchesBeside(leader.node);
      const from = performance.now();
      process.kill(leader.pid, 'SIGUSR2');
      await pass(5_000);
      const pauseMs = pauseOf(others, from);
      measure(`pause ${shown(pauseMs)}`);
      await untilFollower(leader.url, 1_000);
      await cluster.ticksAgain();
      expect(pauseMs).toBeLessThan(ttlMs + 1_000);
    }),
  );
});
