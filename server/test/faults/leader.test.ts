/** The leader killed and drained, again and again. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startFaultCluster, ttlMs, type FaultCluster } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { lossesOf, pauseOf } from './measures.ts';

/** How often the leader is killed, and drained: enough for a middle and a longest pause. */
const rounds = 6;

const spreadOf = (pauses: readonly number[]): string =>
  `p50 ${shown(pauses.toSorted((a, b) => a - b)[pauses.length >> 1] ?? 0)}, max ${shown(Math.max(...pauses))}`;

/** Ends the leader that often, and starts it again; gives the pauses of clients of the other replicas. */
async function endLeaders(cluster: FaultCluster, signal: 'SIGKILL' | 'SIGTERM'): Promise<number[]> {
  const pauses: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const leader = await cluster.leader();
    const others = cluster.watches.filter(({ nodes }) => nodes.at(-1) !== leader.node);
    const from = performance.now();
    await leader.kill(signal);
    await cluster.ticksAgain({ of: others });
    await pass(300);
    pauses.push(pauseOf(others, from));
    await leader.restart();
    // Who may go elsewhere is back long before.
    const free = cluster.watches.filter(({ name }) => name.endsWith('@nginx'));
    await cluster.allLive({ withinMs: 5_000, of: free });
    await cluster.allLive();
    await cluster.ticksAgain();
  }
  return pauses;
}

describe('the leader', () => {
  faultRow(
    {
      fault: `kill -9 leader, ${rounds} times`,
      promise: 'ticks again within TTL + 1 s (3 s), 0 duplicates, 0 lost after acceptance',
      withinMs: 240_000,
    },
    async (measure) => {
      const cluster = await startFaultCluster();
      await cluster.watchAll();
      const pauses = await endLeaders(cluster, 'SIGKILL');
      const losses = lossesOf(cluster.watches);
      measure(`pause ${spreadOf(pauses)}; lost or not recovered: ${losses.length}`);
      await cluster.expectSound();
      expect(Math.max(...pauses)).toBeLessThan(ttlMs + 1_000);
      expect(losses).toEqual([]);
    },
  );

  faultRow(
    {
      fault: `SIGTERM leader, ${rounds} times (drains of 1 s)`,
      promise: 'pause at most 0.5 s, 0 lost',
      withinMs: 240_000,
    },
    async (measure) => {
      const cluster = await startFaultCluster({ nginx: { failTimeoutMs: 1_000 }, env: { DRAIN_MS: '1000' } });
      await cluster.watchAll();
      const pauses = await endLeaders(cluster, 'SIGTERM');
      const losses = lossesOf(cluster.watches);
      measure(`pause ${spreadOf(pauses)}; lost or not recovered: ${losses.length}`);
      await cluster.expectSound();
      expect(Math.max(...pauses)).toBeLessThan(500);
      expect(losses).toEqual([]);
    },
  );
});
