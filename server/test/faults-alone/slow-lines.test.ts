/** Clients that read slowly, late or from far away: what they see of the prices. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { createMergeCheck } from '../support/checks/merge-check.ts';
import { until } from '../support/until.ts';
import { calm, cutTotal, fast, reading, startFedCluster } from '../faults/fed-cluster.ts';
import { faultRow, shown } from '../faults/fault-row.ts';
import { ageOf, figureOf, part } from '../faults/measures.ts';

/** SLOW_CLIENT_MS of the row that reads slowly. */
const slowMs = 10_000;
const transports = ['websocket', 'polling'] as const;

describe('clients on bad lines', () => {
  faultRow(
    {
      fault:
        'stock clients read 20 KB/s of 2,000 ticks/s for 15 s, over WebSocket and polling (slow clients are cut after 10 s)',
      promise: 'after the first 3 s no value is older than 1 s when it comes; merged ones add up; not cut',
      withinMs: 120_000,
    },
    async (measure) => {
      const cluster = await startFedCluster(fast, { env: { SLOW_CLIENT_MS: String(slowMs) } });
      const merges = createMergeCheck();
      const whole = cluster.reader((tick) => merges.whole(tick));
      await reading([whole], 500);
      const clients = await Promise.all(
        transports.map(async (transport) => {
          const line = await cluster.line();
          line.suffer('down', { bytesPerSecond: 20_000 });
          const ages: { at: number; ms: number }[] = [];
          const watch = cluster.watch({
            name: transport,
            kind: 'stock',
            url: line.url,
            transports: [transport],
            symbols: fast,
            onTick: (tick) => {
              ages.push({ at: performance.now(), ms: ageOf(tick) });
              merges.merged(tick, transport);
            },
          });
          return { transport, line, ages, watch };
        }),
      );
      await until(() => clients.every(({ ages }) => ages.length > 0), { withinMs: 15_000 });
      const bytes = clients.map(({ line }) => line.counts().down);
      // Longer than a client may be behind.
      const overMs = slowMs + 5_000;
      await pass(overMs);
      const steady = clients.map(({ transport, ages, watch, line }, index) => {
        const rate = (line.counts().down - (bytes[index] ?? 0)) / overMs;
        const steadyFrom = (ages[0]?.at ?? Infinity) + 3_000;
        const own = ages.filter(({ at }) => at >= steadyFrom).map(({ ms }) => ms);
        const { ticks, merged } = watch.check.counts();
        measure(
          `${transport}: age p50 ${shown(part(own, 0.5))}, p99 ${shown(part(own, 0.99))}, oldest ${shown(part(own, 1))}, one tick for ${((ticks + merged) / ticks).toFixed(1)}, ${rate.toFixed(1)} KB/s`,
        );
        return { ticks: own.length, oldest: part(own, 1), connections: watch.nodes.length };
      });
      for (const { line } of clients) line.heal();
      await cluster.expectSound();
      const faults = merges.faults();
      measure(`${merges.compared()} merged ticks compared with their parts`);
      expect(faults).toEqual([]);
      for (const { ticks, oldest, connections } of steady) {
        expect(ticks).toBeGreaterThan(1_000);
        expect(oldest).toBeLessThan(1_000);
        expect(connections).toBe(1);
      }
      expect(merges.compared()).toBeGreaterThan(100);
      expect(await figureOf(cluster.replica.url, cutTotal)).toBe(0);
    },
  );

  faultRow(
    {
      fault: 'a stock client 200 ms away with free bandwidth, 400 ticks/s for 20 s',
      promise: 'at least 99 % of the ticks by themselves, merged 0',
    },
    async (measure) => {
      const cluster = await startFedCluster(calm);
      const far = await Promise.all(
        [
          { name: 'there and back', delayMs: 100 },
          { name: 'each way', delayMs: 200 },
        ].map(async ({ name, delayMs }) => {
          const line = await cluster.line();
          line.suffer('both', { delayMs });
          const seen = { all: 0, alone: 0 };
          cluster.watch({
            name,
            kind: 'stock',
            url: line.url,
            transports: ['websocket'],
            symbols: calm,
            onTick: ({ merged = 0 }) => {
              seen.all += 1 + merged;
              if (merged === 0) seen.alone += 1;
            },
          });
          return { name, line, seen };
        }),
      );
      await until(() => far.every(({ seen }) => seen.all > 0), { withinMs: 15_000 });
      await pass(20_000);
      const shares = far.map(({ name, seen }) => ({ name, ...seen }));
      for (const { name, all, alone } of shares)
        measure(`200 ms ${name}: ${((100 * alone) / all).toFixed(2)} % of ${all} ticks by themselves`);
      for (const { line } of far) line.heal();
      await cluster.expectSound();
      for (const { all, alone } of shares) {
        // The feed did run at that rate.
        expect(all).toBeGreaterThan(7_200);
        expect(alone / all).toBeGreaterThan(0.99);
      }
    },
  );
});
