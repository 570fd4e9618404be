/** Nginx reloaded and killed. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { until } from '../support/until.ts';
import { startFaultCluster } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { lossesOf } from './measures.ts';

describe('Nginx', () => {
  faultRow(
    { fault: 'Nginx reload', promise: "sockets live until the worker's shutdown limit (4 s here), 0 lost" },
    async (measure) => {
      const shutdownTimeoutMs = 4_000;
      const cluster = await startFaultCluster({ nginx: { shutdownTimeoutMs } });
      await cluster.watchAll();
      const through = cluster.watches.filter(({ name }) => name.endsWith('@nginx'));
      const counts = through.map(({ outages }) => outages.length);
      const from = performance.now();
      await cluster.nginx.setReplicas(cluster.replicas);
      await until(() => through.every(({ outages }, index) => outages.length > (counts[index] ?? 0)), {
        withinMs: 15_000,
      });
      const lived = through.map(({ outages }, index) => (outages[counts[index] ?? 0]?.lostAt ?? 0) - from);
      await cluster.allLive({ withinMs: 10_000, of: through });
      await cluster.ticksAgain();
      const losses = lossesOf(cluster.watches);
      measure(
        `sockets lived ${shown(Math.min(...lived))} to ${shown(Math.max(...lived))}; lost: ${losses.length}`,
      );
      await cluster.expectSound();
      expect(Math.min(...lived)).toBeGreaterThan(shutdownTimeoutMs - 500);
      expect(losses).toEqual([]);
    },
  );

  faultRow(
    { fault: 'Nginx kill -9, started 2 s later', promise: 'all back within 10 s of its start, 0 lost' },
    async (measure) => {
      const cluster = await startFaultCluster();
      await cluster.watchAll();
      const through = cluster.watches.filter(({ name }) => name.endsWith('@nginx'));
      await cluster.nginx.kill('SIGKILL');
      await until(() => through.every((watch) => !watch.isLive()), { withinMs: 5_000 });
      await pass(2_000);
      const from = performance.now();
      await cluster.nginx.restart();
      await cluster.allLive({ withinMs: 15_000, of: through });
      const backMs = performance.now() - from;
      await cluster.ticksAgain();
      const losses = lossesOf(cluster.watches);
      measure(`all back ${shown(backMs)} after its start; lost: ${losses.length}`);
      await cluster.expectSound();
      expect(backMs).toBeLessThan(10_000);
      expect(losses).toEqual([]);
    },
  );
});
