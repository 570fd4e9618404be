/** Redis lost to one replica only, or cut for all. */
import { execFileSync } from 'node:child_process';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import type { Quote } from '../../protocol/index.ts';
import { ttlMs, type FaultCluster, type Replica } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { feedReached, pauseOf } from './measures.ts';
import { onCluster } from './on-cluster.ts';

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
  const filter = (verb: string): void => {
    for (const way of ['--dport', '--sport']) {
      const rule = `OUTPUT -o lo -p tcp ${way} ${proxy.port} -j DROP`;
      execFileSync('iptables', ['-w', '5', verb, ...rule.split(' ')]);
    }
  };
  let open = true;
  const heal = (): void => {
    if (open) filter('-D');
    open = false;
  };
  filter('-A');
  onTestFinished(heal);
  return heal;
}

describe('the network to Redis', () => {
  for (const { role, promise, maxPauseMs } of [
    {
      role: 'a follower',
      promise:
        'that one says stale within 3.5 s and still serves last prices, others unaffected, repaired afterwards',
      maxPauseMs: 1_000,
    },
    {
      role: 'the leader',
      promise: 'the same, and taken over within TTL + 1 s; none of its ticks reach its own clients',
      maxPauseMs: ttlMs + 1_000,
    },
  ])
    faultRow(
      { fault: `Redis cut off from ${role} for 5 s`, promise },
      onCluster({ proxied: true }, async (cluster, measure) => {
        const leader = await cluster.leader();
        const [follower = leader] = await cluster.followers();
        const victim = role === 'the leader' ? leader : follower;
        const own = cluster.watchesAt(victim.node);
        const others = cluster.watchesBeside(victim.node);
        const from = performance.now();
        const heal = isolate(cluster, victim);
        const staleMs = await feedReached(own, 'stale', from, 6_000);
        const last = await fetch(`${victim.url}/api/ticks`);
        const { quotes } = (await last.json()) as { quotes: Quote[] };
        expect([last.status, quotes.length > 0, quotes.every(({ stale }) => stale)]).toEqual([
          200,
          true,
          true,
        ]);
        expect((await fetch(`${victim.url}/health/ready`)).status).toBe(200);
        await pass(Math.max(0, 5_000 - (performance.now() - from)));
        const pauseMs = pauseOf(others, from);
        heal();
        const liveMs = await feedReached(own, 'live', performance.now(), 10_000);
        await cluster.ticksAgain();
        await pass(500);
        measure(
          `by ${means}: stale after ${shown(staleMs)}, the others' longest pause ${shown(pauseMs)}, live ${shown(liveMs)} after its return`,
        );
        expect(staleMs).toBeLessThan(3_500);
        expect(pauseMs).toBeLessThan(maxPauseMs);
      }),
    );

  faultRow(
    {
      fault: 'every connection to Redis reset, five times',
      promise: 'ticks again within TTL + 1 s, 0 lost',
    },
    onCluster({ proxied: true }, async (cluster, measure) => {
      const pauses: number[] = [];
      for (let round = 0; round < 5; round++) {
        const from = performance.now();
        for (const proxy of cluster.proxies.values()) proxy.cut('rst');
        await pass(50);
        await cluster.ticksAgain();
        await pass(500);
        pauses.push(pauseOf(cluster.watches, from));
      }
      measure(`longest pause ${shown(Math.max(...pauses))}`);
      expect(Math.max(...pauses)).toBeLessThan(ttlMs + 1_000);
    }),
  );
});
