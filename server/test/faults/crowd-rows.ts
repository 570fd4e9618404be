/** What the rows with crowds share: many clients in another process, and what they report. */
import { onTestFinished } from 'vitest';
import { startCrowd, type Crowd } from '../support/crowd.ts';
import type { ClientReport } from '../support/crowd-messages.ts';
import { until } from '../support/until.ts';
import type { FaultCluster } from './fault-cluster.ts';

export const epochNow = (): number => performance.timeOrigin + performance.now();

/**
 * Clients of our stream through Nginx in another process, all with ticks of one symbol, a quarter of them at a slower rate; they
 * end with the test.
 */
export async function crowdOf(url: string, count: number, kind: 'raw' | 'stream' = 'raw'): Promise<Crowd> {
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
export async function untilAll(
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
export async function faultsOf(crowd: Crowd, cluster?: FaultCluster): Promise<string[]> {
  const { clients, entries, conflicts } = await crowd.report();
  cluster?.book.take(entries, 'the crowd');
  return [...conflicts, ...clients.flatMap(({ name, faults }) => faults.map((text) => `${name}: ${text}`))];
}

/** How long each client that was away since then was away, the longest last; infinite for those that still are. */
export function absences(
  clients: readonly ClientReport[],
  from: number,
): { ms: number; recovered: boolean }[] {
  return clients
    .flatMap(({ outages }) => outages.filter(({ lostAt }) => lostAt >= from))
    .map(({ lostAt, backAt, recovered }) => ({ ms: (backAt ?? Infinity) - lostAt, recovered }))
    .toSorted((a, b) => a.ms - b.ms);
}
