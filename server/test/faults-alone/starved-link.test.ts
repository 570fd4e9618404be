/** A link to Redis that answers pings and brings no message. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startFaultCluster } from '../faults/fault-cluster.ts';
import { faultRow, shown } from '../faults/fault-row.ts';
import { lossesOf, pauseOf } from '../faults/measures.ts';

describe('the link to Redis', () => {
  faultRow(
    {
      fault: 'subscriber link alive but starved: pings are answered, no message comes',
      promise: 'found by the missing heartbeat within 2.5 s and rebuilt, 0 lost, others unaffected',
    },
    async (measure) => {
      const cluster = await startFaultCluster({ proxied: true });
      await cluster.watchAll();
      const [victim] = await cluster.followers();
      const own = cluster.watchesAt(victim?.node ?? '');
      const others = cluster.watches.filter((watch) => !own.includes(watch));
      const links = cluster.proxies.get(victim?.node ?? '')?.connections() ?? [];
      const starved = links.filter(({ marked }) => marked);
      expect(starved.length).toBeGreaterThan(0);
      const from = performance.now();
      for (const link of starved) link.suffer('down', { passing: 'starve' });
      const againMs = await cluster.ticksAgain({ of: own });
      await pass(500);
      const pauseMs = pauseOf(own, from);
      const losses = lossesOf(cluster.watches);
      measure(
        `ticks again after ${shown(Math.max(againMs, pauseMs))}, the others' longest pause ${shown(pauseOf(others, from))}; lost: ${losses.length}`,
      );
      await cluster.expectSound();
      expect(pauseMs).toBeLessThan(2_500);
      expect(pauseOf(others, from)).toBeLessThan(1_000);
      expect(losses).toEqual([]);
    },
  );
});
