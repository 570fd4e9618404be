/** Clients that read slowly, late or from far away: what they see of the prices. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import type { Tick } from '../../protocol/index.ts';
import { createMergeCheck } from '../support/checks/merge-check.ts';
import { createPlainClient } from '../support/clients/plain-client.ts';
import { until } from '../support/until.ts';
import { calm, cutTotal, fast, reading, slowClientMs, startFedCluster } from '../faults/fed-cluster.ts';
import { faultRow, shown } from '../faults/fault-row.ts';
import { ageOf, figureOf, part } from '../faults/measures.ts';

/** At 250 ms a tick may be older by its period. */
const slow = [
  { name: 'websocket', everyMs: 0 },
  { name: 'polling', everyMs: 0 },
  { name: 'websocket', everyMs: 250 },
  { name: 'plain', everyMs: 0 },
  { name: 'plain', everyMs: 250 },
] as const;

/** A plain WebSocket of all symbols, until the end of the test. */
function plainClient(url: string, everyMs: number, onTick: (tick: Tick) => void) {
  const client = createPlainClient(url, `/stream?symbols=${fast.join(',')}&everyMs=${everyMs}`);
  onTestFinished(() => client.close());
  client.socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Tick & { type: string };
    if (message.type === 'tick') onTick(message);
  });
  return client;
}

const transports = ['websocket', 'polling'] as const;

describe('clients on bad lines', () => {
  faultRow(
    {
      fault:
        'clients read 20 KB/s of 2,000 ticks/s for 25 s: stock ones over WebSocket and polling and a plain WebSocket at every tick, both kinds of WebSocket at 250 ms',
      promise:
        'after the first 3 s no value is older than 1 s, and its 250 ms, when it comes; merged ones add up; not cut',
      withinMs: 120_000,
    },
    async (measure) => {
      const cluster = await startFedCluster(fast);
      const merges = createMergeCheck();
      const whole = cluster.reader((tick) => merges.whole(tick));
      await reading([whole], 500);
      const clients = await Promise.all(
        slow.map(async ({ name: kind, everyMs }) => {
          const name = everyMs === 0 ? kind : `${kind} at ${everyMs} ms`;
          const line = await cluster.line();
          line.suffer('down', { bytesPerSecond: 20_000 });
          const ages: { at: number; ms: number }[] = [];
          let merged = 0;
          const onTick = (tick: Tick): void => {
            ages.push({ at: performance.now(), ms: ageOf(tick) });
            merged += tick.merged ?? 0;
            merges.merged(tick, name);
          };
          const seen = { name, line, ages, merged: () => merged, maxAgeMs: 1_000 + everyMs };
          if (kind === 'plain') {
            const client = plainClient(line.url, everyMs, onTick);
            return { ...seen, faults: client.faults, connections: () => client.of('hello').length };
          }
          const watch = cluster.watch({
            name,
            kind: 'stock',
            url: line.url,
            transports: [kind],
            symbols: fast,
            everyMs,
            onTick,
          });
          return { ...seen, faults: () => watch.check.faults(), connections: () => watch.nodes.length };
        }),
      );
      await until(() => clients.every(({ ages }) => ages.length > 0), { withinMs: 15_000 });
      const bytes = clients.map(({ line }) => line.counts().down);
      // Longer than a client may be behind.
      const overMs = slowClientMs + 5_000;
      await pass(overMs);
      const steady = clients.map(({ name, line, ages, merged, maxAgeMs, connections }, index) => {
        const rate = (line.counts().down - (bytes[index] ?? 0)) / overMs;
        const steadyFrom = (ages[0]?.at ?? Infinity) + 3_000;
        const own = ages.filter(({ at }) => at >= steadyFrom).map(({ ms }) => ms);
        measure(
          `${name}: age p50 ${shown(part(own, 0.5))}, p99 ${shown(part(own, 0.99))}, oldest ${shown(part(own, 1))}, one tick for ${(1 + merged() / ages.length).toFixed(1)}, ${rate.toFixed(1)} KB/s`,
        );
        return { ticks: own.length, oldest: part(own, 1), maxAgeMs, connections: connections() };
      });
      for (const { line } of clients) line.heal();
      await cluster.expectSound();
      const faults = [...merges.faults(), ...clients.flatMap((client) => client.faults())];
      measure(`${merges.compared()} merged ticks compared with their parts`);
      expect(faults).toEqual([]);
      for (const { ticks, oldest, maxAgeMs, connections } of steady) {
        expect(ticks).toBeGreaterThan(1_000);
        expect(oldest).toBeLessThan(maxAgeMs);
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
