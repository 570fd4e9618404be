/** The leader drained again and again. */
import { describe, expect } from 'vitest';
import { endLeaders, rounds, spreadOf } from './end-leaders.ts';
import { startFaultCluster } from './fault-cluster.ts';
import { faultRow } from './fault-row.ts';
import { lossesOf } from './measures.ts';

describe('the leader, drained', () => {
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
