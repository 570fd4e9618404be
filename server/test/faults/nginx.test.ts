/** Nginx reloaded and killed. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { until } from '../support/until.ts';
import type { FaultCluster } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { onCluster } from './on-cluster.ts';

const shutdownTimeoutMs = 4_000;

const through = ({ watches }: FaultCluster) => watches.filter(({ name }) => name.endsWith('@nginx'));

describe('Nginx', () => {
  faultRow(
    {
      fault: 'Nginx reload',
      promise: "sockets live until the worker's shutdown limit (4 s here), 0 lost",
    },
    onCluster({ nginx: { shutdownTimeoutMs } }, async (cluster, measure) => {
      const own = through(cluster);
      const counts = own.map(({ outages }) => outages.length);
      const from = performance.now();
      await cluster.nginx.setReplicas(cluster.replicas);
      await until(() => own.every(({ outages }, index) => outages.length > (counts[index] ?? 0)), {
        withinMs: 15_000,
      });
      const lived = own.map(({ outages }, index) => (outages[counts[index] ?? 0]?.lostAt ?? 0) - from);
      await cluster.allLive({ of: own });
      await cluster.ticksAgain();
      measure(`sockets lived ${shown(Math.min(...lived))} to ${shown(Math.max(...lived))}`);
      expect(Math.min(...lived)).toBeGreaterThan(shutdownTimeoutMs - 500);
    }),
  );

  faultRow(
    { fault: 'Nginx kill -9, started 2 s later', promise: 'all back within 10 s of its start, 0 lost' },
    onCluster({}, async (cluster, measure) => {
      await cluster.nginx.kill('SIGKILL');
      await until(() => through(cluster).every((watch) => !watch.isLive()));
      await pass(2_000);
      const from = performance.now();
      await cluster.nginx.restart();
      await cluster.allLive({ withinMs: 15_000, of: through(cluster) });
      const backMs = performance.now() - from;
      await cluster.ticksAgain();
      measure(`all back ${shown(backMs)} after its start`);
      expect(backMs).toBeLessThan(10_000);
    }),
  );
});
