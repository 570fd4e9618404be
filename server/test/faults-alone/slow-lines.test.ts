/** Clients that read slowly, late or from far away: what they see of the prices. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { createMergeCheck } from '../support/checks/merge-check.ts';
import { until } from '../support/until.ts';
import { calm, cutTotal, fast, reading, slowClientMs, startFedCluster } from '../faults/fed-cluster.ts';
import { faultRow, shown } from '../faults/fault-row.ts';
import { ageOf, figureOf, part } from '../faults/measures.ts';

const transports = ['websocket', 'polling'] as const;

describe('clients on bad lines', () => {
  faultRow(
    {
      fault: 'stock clients read 20 KB/s of 2,000 ticks/s for 25 s, over WebSocket and polling',
      promise: 'after the first 3 s no value is older than 1 s when it comes; merged ones add up; not cut',
      withinMs: 120_000,
    },
    async (measure) => {
      const cluster = await startFedCluster(fast);
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
      const overMs = slowClientMs + 5_000;
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

  faultRow(
    {
      fault: 'a client reads nothing for 5 s, and reads on',
      promise:
        'it is current within 1 s; no tick is older than the last one, missed ticks are merged, no hole',
    },
    async (measure) => {
      const cluster = await startFedCluster(fast);
      const clients = await Promise.all(
        transports.map(async (transport) => {
          const line = await cluster.line();
          const came: { at: number; ms: number; merged: number }[] = [];
          cluster.watch({
            name: transport,
            kind: 'stock',
            url: line.url,
            transports: [transport],
            symbols: fast,
            onTick: (tick) =>
              void came.push({ at: performance.now(), ms: ageOf(tick), merged: tick.merged ?? 0 }),
          });
          return { transport, line, came };
        }),
      );
      await until(() => clients.every(({ came }) => came.length > 5_000), { withinMs: 30_000 });
      for (const { line } of clients) line.suffer('down', { passing: 'hold' });
      await pass(5_000);
      const from = performance.now();
      for (const { line } of clients) line.heal();
      await pass(3_000);
      const outcomes = clients.map(({ transport, came }) => {
        const after = came.filter(({ at }) => at >= from);
        const old = after.filter(({ ms }) => ms > 1_000);
        const currentMs = (old.at(-1)?.at ?? from) - from;
        const merged = after.reduce((sum, one) => sum + one.merged, 0);
        measure(
          `${transport}: current after ${shown(currentMs)}; ${old.length} ticks older than 1 s, ${merged} merged`,
        );
        return { currentMs, old: old.length, merged };
      });
      await cluster.expectSound();
      for (const { currentMs, old, merged } of outcomes) {
        expect(currentMs).toBeLessThan(1_000);
        // Of 10,000 missed ticks, only those that were on their way are old.
        expect(old).toBeLessThan(2_000);
        expect(merged).toBeGreaterThan(7_000);
      }
    },
  );
});
