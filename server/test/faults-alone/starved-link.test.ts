/** A link to Redis that answers pings and brings no message. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { faultRow, shown } from '../faults/fault-row.ts';
import { pauseOf } from '../faults/measures.ts';
import { onCluster } from '../faults/on-cluster.ts';

describe('the link to Redis', () => {
  faultRow(
    {
      fault: 'subscriber link alive but starved: pings are answered, no message comes',
      promise: 'found by the missing heartbeat within 2.5 s and rebuilt, 0 lost, others unaffected',
    },
    onCluster({ proxied: true }, async (cluster, measure) => {
      const [{ node } = { node: '' }] = await cluster.followers();
      const own = cluster.watchesAt(node);
      const others = cluster.watchesBeside(node);
      const links = cluster.proxies.get(node)?.connections() ?? [];
      const starved = links.filter(({ marked }) => marked);
      expect(starved.length).toBeGreaterThan(0);
      const from = performance.now();
      for (const link of starved) link.suffer('down', { passing: 'starve' });
      const againMs = await cluster.ticksAgain({ of: own });
      await pass(500);
      const [pauseMs, othersMs] = [pauseOf(own, from), pauseOf(others, from)];
      measure(
        `ticks again after ${shown(Math.max(againMs, pauseMs))}, the others' longest pause ${shown(othersMs)}`,
      );
      expect(pauseMs).toBeLessThan(2_500);
      expect(othersMs).toBeLessThan(1_000);
    }),
  );
});
