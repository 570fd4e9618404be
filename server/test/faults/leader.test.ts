/** The leader killed again and again. */
import { describe, expect } from 'vitest';
import { endLeaders, rounds, spreadOf } from './end-leaders.ts';
import { startFaultCluster, ttlMs } from './fault-cluster.ts';
import { faultRow } from './fault-row.ts';
import { lossesOf } from './measures.ts';

describe('the leader, killed', () => {
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
});
