/** Redis emptied, rolled back, or silent in the middle of appends: what becomes of its data. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { startPusher, type Pusher } from '../support/clients/pusher.ts';
import { apiKey, startFaultCluster, type FaultCluster } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { pauseOf } from './measures.ts';
import { onCluster } from './on-cluster.ts';

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

describe('the data of Redis', () => {
  faultRow(
    {
      fault: 'FLUSHALL under load, three times',
      promise: 'a new generation, snapshots, 0 stale',
    },
    onCluster({ mayLose: true }, async (cluster, measure) => {
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
    }),
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
    onCluster({}, async (cluster, measure) => {
      const pusher = pushTo(cluster);
      const pauses: number[] = [];
      for (const frozenMs of Array.from({ length: 5 }, () => [800, 1_500]).flat()) {
        const from = performance.now();
        await cluster.redis.kill('SIGSTOP');
        await pass(frozenMs);
        await cluster.redis.kill('SIGCONT');
        await cluster.ticksAgain();
        pauses.push(pauseOf(cluster.watches, from) - frozenMs);
        await pass(300);
      }
      measure(`ticks again ${shown(Math.max(...pauses))} after it woke, at most`);
      await expectPushed(cluster, pusher);
      measure(`${pusher.accepted()} pushes accepted, each there once`);
    }),
  );
});
