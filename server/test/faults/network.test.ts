/** Redis lost to one replica only, cut for all, or alive and silent. */
import { execFileSync } from 'node:child_process';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { until } from '../support/until.ts';
import { startFaultCluster, ttlMs, type FaultCluster, type Replica } from './fault-cluster.ts';
import { faultRow, shown, type Measure } from './fault-row.ts';
import { feedReached, lossesOf, pauseOf } from './measures.ts';

/** Whether the kernel's own packet filter can be used; else the proxy holds both ways. */
const hasIptables = ((): boolean => {
  try {
    execFileSync('iptables', ['-w', '2', '-S', 'OUTPUT'], { stdio: 'ignore' });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
})();
const means = hasIptables ? 'iptables' : 'the proxy';

/** Nothing passes between that replica and Redis, and nobody is told; the returned function ends it. */
function isolate(cluster: FaultCluster, { node }: Replica): () => void {
  const proxy = cluster.proxies.get(node);
  if (proxy === undefined) throw new Error(`no proxy stands before ${node}`);
  if (!hasIptables) {
    proxy.suffer('both', { passing: 'hold' });
    return () => proxy.heal();
  }
  const rules = ['--dport', '--sport'].map((way) => [
    'OUTPUT',
    '-o',
    'lo',
    '-p',
    'tcp',
    way,
    String(proxy.port),
  ]);
  const say = (verb: string, rule: string[]): void =>
    void execFileSync('iptables', ['-w', '5', verb, ...rule, '-j', 'DROP']);
  let open = true;
  const heal = (): void => {
    if (!open) return;
    open = false;
    for (const rule of rules) say('-D', rule);
  };
  for (const rule of rules) say('-A', rule);
  onTestFinished(heal);
  return heal;
}

async function isolationRow(led: boolean, measure: Measure): Promise<void> {
  const cluster = await startFaultCluster({ proxied: true });
  await cluster.watchAll();
  const [follower] = await cluster.followers();
  const leader = await cluster.leader();
  const victim = led ? leader : (follower ?? leader);
  const own = cluster.watchesAt(victim.node);
  const others = cluster.watches.filter((watch) => !own.includes(watch));
  const from = performance.now();
  const heal = isolate(cluster, victim);
  const staleMs = await feedReached(own, 'stale', from, 6_000);
  await until(async () => (await fetch(`${victim.url}/health/ready`)).status === 503, { withinMs: 1_000 });
  await pass(Math.max(0, 5_000 - (performance.now() - from)));
  const pauseMs = pauseOf(others, from);
  heal();
  const back = performance.now();
  const liveMs = await feedReached(own, 'live', back, 10_000);
  await cluster.ticksAgain();
  await pass(500);
  const losses = lossesOf(cluster.watches);
  measure(
    `by ${means}: stale and not ready after ${shown(staleMs)}, the others' longest pause ${shown(pauseMs)}, live ${shown(liveMs)} after its return; lost: ${losses.length}`,
  );
  await cluster.expectSound();
  expect(staleMs).toBeLessThan(3_500);
  expect(pauseMs).toBeLessThan(led ? ttlMs + 1_000 : 1_000);
  expect(losses).toEqual([]);
}

describe('the network to Redis', () => {
  faultRow(
    {
      fault: 'Redis cut off from a follower for 5 s',
      promise: 'that one says stale and is not ready within 3.5 s, others unaffected, repaired afterwards',
    },
    (measure) => isolationRow(false, measure),
  );

  faultRow(
    {
      fault: 'Redis cut off from the leader for 5 s',
      promise: 'the same, and taken over within TTL + 1 s; none of its ticks reach its own clients',
    },
    (measure) => isolationRow(true, measure),
  );

  faultRow(
    {
      fault: 'every connection to Redis reset, five times',
      promise: 'ticks again within TTL + 1 s, 0 lost',
    },
    async (measure) => {
      const cluster = await startFaultCluster({ proxied: true });
      await cluster.watchAll();
      const pauses: number[] = [];
      for (let round = 0; round < 5; round++) {
        const from = performance.now();
        for (const proxy of cluster.proxies.values()) proxy.cut('rst');
        await pass(50);
        await cluster.ticksAgain();
        await pass(500);
        pauses.push(pauseOf(cluster.watches, from));
      }
      const losses = lossesOf(cluster.watches);
      measure(`longest pause ${shown(Math.max(...pauses))}; lost: ${losses.length}`);
      await cluster.expectSound();
      expect(Math.max(...pauses)).toBeLessThan(ttlMs + 1_000);
      expect(losses).toEqual([]);
    },
  );
});
