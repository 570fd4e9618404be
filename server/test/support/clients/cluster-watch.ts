/** What clients that watch the cluster were sent: the helpers of the tests that use `watch`. */
import type { ClusterStatistics, NodeStatistics } from '../../../protocol/index.ts';
import { expect } from 'vitest';
import type { Recorder } from './recorder.ts';
import { until } from '../until.ts';

export type Fits = (nodes: readonly NodeStatistics[]) => boolean;

export const statistics = (client: Recorder): ClusterStatistics[] => client.of('cluster');
export const latest = (client: Recorder): readonly NodeStatistics[] => statistics(client).at(-1)?.nodes ?? [];
export const names = (nodes: readonly NodeStatistics[]): string => nodes.map(({ node }) => node).join();
export const total = (nodes: readonly NodeStatistics[]): number =>
  nodes.reduce((sum, { connections }) => sum + connections, 0);

/** Waits for a statistic that fits. Returns how many milliseconds after `since` (epoch ms) it came. */
export async function seenAfter(
  client: Recorder,
  since: number,
  fits: Fits,
  withinMs = 10_000,
): Promise<number> {
  const found = await until(
    () =>
      client.events.find(
        ({ event, payload, at }) =>
          event === 'cluster' && at >= since && fits((payload as ClusterStatistics).nodes),
      ),
    { withinMs, saw: () => statistics(client).slice(-3) },
  );
  return found.at - since;
}

/** Waits for the connection, and watches the cluster. */
export async function watch(client: Recorder): Promise<Recorder> {
  await client.seen('feed', 1, 10_000);
  expect(await client.call('watch', ['cluster'])).toEqual({ ok: true });
  await client.seen('cluster');
  return client;
}
