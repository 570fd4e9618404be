/** Crowds of clients whose replicas restart, or that lose their replica or their connection at once. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { startFaultCluster, type FaultCluster } from '../faults/fault-cluster.ts';
import { faultRow, shown } from '../faults/fault-row.ts';
import { pauseOf } from '../faults/measures.ts';
import { onCluster } from '../faults/on-cluster.ts';
import { startCrowd, type Crowd } from '../support/clients/crowd.ts';
import type { ClientReport } from '../support/clients/crowd-messages.ts';
import { until } from '../support/until.ts';

/** Until Nginx counts a replica in again. */
const failTimeoutMs = 4_000;

const epochNow = (): number => performance.timeOrigin + performance.now();

/**
 * Clients of our stream through Nginx in another process, all with ticks of one symbol, a quarter of them at a slower rate; they
 * end with the test.
 */
async function crowdOf(url: string, count: number, kind: 'raw' | 'stream' = 'raw'): Promise<Crowd> {
  const crowd = await startCrowd();
  onTestFinished(() => crowd.close());
  const clients = Array.from({ length: count }, (_, index) => ({
    name: `${kind}${index + 1}`,
    url,
    kind,
    symbols: ['BTC-USD'],
    everyMs: index % 4 === 3 ? 1_000 : 0,
  }));
  crowd.add(clients, 250);
  await until(async () => (await crowd.report()).clients.length === count, { withinMs: 60_000 });
  await untilAll(crowd, (client) => client.isLive && client.counts.ticks > 0, 60_000);
  return crowd;
}

/** Resolves with the reports when that is so of every client. */
async function untilAll(
  crowd: Crowd,
  condition: (client: ClientReport) => boolean,
  withinMs: number,
): Promise<ClientReport[]> {
  let clients: ClientReport[] = [];
  await until(
    async () => {
      ({ clients } = await crowd.report());
      return clients.length > 0 && clients.every(condition);
    },
    {
      withinMs,
      saw: () => clients.filter((client) => !condition(client)).slice(0, 5),
    },
  );
  return clients;
}

/** What is wrong with the crowd, by I2 and I3. */
async function faultsOf(crowd: Crowd, { book }: FaultCluster): Promise<string[]> {
  const { clients, entries, conflicts } = await crowd.report();
  book.take(entries, 'the crowd');
  return [...conflicts, ...clients.flatMap(({ name, faults }) => faults.map((text) => `${name}: ${text}`))];
}

/** How long each client that was away since then was away, the longest last; infinite for those that still are. */
function absences(clients: readonly ClientReport[], from: number): { ms: number; recovered: boolean }[] {
  return clients
    .flatMap(({ outages }) => outages.filter(({ lostAt }) => lostAt >= from))
    .map(({ lostAt, backAt, recovered }) => ({ ms: (backAt ?? Infinity) - lostAt, recovered }))
    .toSorted((a, b) => a.ms - b.ms);
}

describe('crowds', () => {
  faultRow(
    {
      fault: 'rolling restart of all replicas under 150 clients',
      promise:
        'every client at most 2 reconnects, pause at most 1 s each, 0 ticks lost, no stock client stays away',
      withinMs: 120_000,
    },
    onCluster({ nginx: { failTimeoutMs }, env: { DRAIN_MS: '1500' } }, async (cluster, measure) => {
      const crowd = await crowdOf(cluster.url, 150, 'stream');
      const before = new Map(
        (await crowd.report()).clients.map(({ name, connections }) => [name, connections]),
      );
      const from = performance.now();
      const fromEpoch = epochNow();
      for (const replica of cluster.replicas) {
        await replica.restart();
        // Sooner, some clients would move a third time.
        await pass(failTimeoutMs + 500);
      }
      await cluster.ticksAgain({ withinMs: 20_000 });
      const clients = await untilAll(crowd, ({ isLive }) => isLive, 10_000);
      const faults = await faultsOf(crowd, cluster);
      const lost = clients.filter(({ counts }) => counts.gaps + counts.unrecovered > 0);
      const reconnects = Math.max(
        ...clients.map(({ name, connections }) => connections - (before.get(name) ?? 0)),
      );
      const slowest = absences(clients, fromEpoch).at(-1)?.ms ?? 0;
      const pauseMs = pauseOf(
        cluster.watches.filter(({ name }) => /^stream.*@nginx/.test(name)),
        from,
      );
      measure(`at most ${reconnects} reconnects, away ${shown(slowest)}, pause ${shown(pauseMs)}`);
      expect(faults).toEqual([]);
      expect(lost).toEqual([]);
      expect(reconnects).toBeLessThanOrEqual(2);
      expect(slowest).toBeLessThan(1_000);
      expect(cluster.watches.filter((watch) => !watch.isLive()).map(({ name }) => name)).toEqual([]);
    }),
  );

  faultRow(
    {
      fault: 'kill -9 replica with 1,000 clients',
      promise: '99 % back with recovery within 5 s, all within 10 s, silent loss 0',
      withinMs: 120_000,
    },
    async (measure) => {
      const clients = 1_000;
      // All at the first replica; the others come when they are there, and the old Nginx workers stay.
      const cluster = await startFaultCluster({
        replicas: 1,
        nginx: { shutdownTimeoutMs: 120_000 },
        env: { UPDATE_INTERVAL: '200' },
      });
      const crowd = await crowdOf(cluster.url, clients);
      await cluster.addReplica();
      await cluster.addReplica();
      const from = epochNow();
      await cluster.replicas.find(({ node }) => node === 'r1')?.kill('SIGKILL');
      await untilAll(crowd, ({ outages, isLive }) => outages.length > 0 && isLive, 15_000).catch(() => null);
      const away = absences((await crowd.report()).clients, from);
      const recovered = away.filter(({ ms, recovered: told }) => told && ms <= 5_000).length;
      const slowest = away.at(-1)?.ms ?? Infinity;
      measure(
        `${((100 * recovered) / clients).toFixed(1)} % back with recovery within 5 s, p50 ${shown(away[clients >> 1]?.ms ?? Infinity)}, all within ${shown(slowest)}`,
      );
      const faults = await faultsOf(crowd, cluster);
      measure(`silent loss ${faults.length}`);
      expect(faults).toEqual([]);
      expect(recovered).toBeGreaterThanOrEqual(0.99 * clients);
      expect(slowest).toBeLessThan(10_000);
      await cluster.expectSound();
    },
  );

  faultRow(
    {
      fault: '2,000 clients cut at once; they reconnect within 1 s',
      promise: 'no crash, all in within 30 s, reads of the store coalesced',
      withinMs: 180_000,
    },
    async (measure) => {
      const cluster = await startFaultCluster({ env: { UPDATE_INTERVAL: '500' } });
      const crowds = await Promise.all([crowdOf(cluster.url, 1_000), crowdOf(cluster.url, 1_000)]);
      const scripts = async (): Promise<number> => {
        const info = await cluster.store.client.info('commandstats');
        return [...info.matchAll(/^cmdstat_(?:evalsha|eval|fcall):calls=(\d+)/gm)].reduce(
          (sum, [, calls]) => sum + Number(calls),
          0,
        );
      };
      const calmFrom = await scripts();
      await pass(3_000);
      const calm = ((await scripts()) - calmFrom) / 3;
      const before = await scripts();
      const from = epochNow();
      for (const crowd of crowds) crowd.cut();
      await Promise.all(
        crowds.map((crowd) => untilAll(crowd, ({ isLive, outages }) => isLive && outages.length > 0, 45_000)),
      );
      const tookS = (epochNow() - from) / 1_000;
      const extra = (await scripts()) - before - calm * tookS;
      const reports = await Promise.all(crowds.map((crowd) => crowd.report()));
      const away = absences(
        reports.flatMap(({ clients }) => clients),
        from,
      );
      const recovered = away.filter((absence) => absence.recovered).length;
      const faults = (await Promise.all(crowds.map((crowd) => faultsOf(crowd, cluster)))).flat();
      measure(
        `${away.length} back, p50 ${shown(away[away.length >> 1]?.ms ?? 0)}, all within ${shown(away.at(-1)?.ms ?? Infinity)}, ${recovered} recovered, ${Math.max(0, Math.round(extra))} extra calls of the store's scripts`,
      );
      expect(faults).toEqual([]);
      expect(away.at(-1)?.ms ?? Infinity).toBeLessThan(30_000);
      expect(extra).toBeLessThan(200);
      await cluster.expectSound();
    },
  );
});
