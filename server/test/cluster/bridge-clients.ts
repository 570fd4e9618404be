/** A cluster with a backend that keeps presence, and the notices of lost replicas that the backend receives. */
import { expect } from 'vitest';
import { backendSecret, type Backend, type Letter } from '../support/stand-ins/backend.ts';
import { presenceAfter } from '../support/checks/presence.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';
import { healthOf, startClusterUnderTest, type ClusterUnderTest } from './cluster-under-test.ts';

export const settingsOf = ({ url }: Backend) => ({ BACKEND_URL: url, BACKEND_SECRET: backendSecret });
/** Two seconds, and one more on a loaded machine. */
export const toldWithinMs = 3_000;

export async function nodeOf(client: Recorder): Promise<string> {
  await client.seen('feed', 1, 10_000);
  return client.hellos()[0]?.node ?? '';
}

export const sessionOf = (client: Recorder): string => client.hellos()[0]?.session ?? '';
export const sessionsOf = (clients: readonly Recorder[]): string[] => clients.map(sessionOf).toSorted();
export const online = (backend: Backend): string[] => [...presenceAfter(backend.got).keys()].toSorted();
export const lossesTold = (backend: Backend): unknown[] => backend.of('node_gone').map(({ data }) => data);
/** The last instance under which that node reported a session. */
export const instanceOf = (backend: Backend, node: string): string | undefined =>
  backend.of('connect').findLast((one) => one.node === node)?.instance;
/** The notice that is due if that node dies now. */
export const lossOf = (backend: Backend, node: string): Loss => ({
  node,
  instance: instanceOf(backend, node),
});

/** Asserts that no request was forged or old. Replicas that do not hear of each other may send one notice twice, with one id. */
export function expectGenuine({ verdicts }: Backend): void {
  expect(verdicts.filter((verdict) => verdict !== 'genuine' && verdict !== 'repeated')).toEqual([]);
}

export interface Loss {
  node: string;
  instance: string | undefined;
}

/** Resolves when the backend has received the notice. */
export async function untilTold(
  backend: Backend,
  { instance }: Loss,
  withinMs = toldWithinMs,
): Promise<void> {
  const isThis = ({ data }: Letter): boolean => (data as Loss).instance === instance;
  await until(() => backend.of('node_gone').some(isThis), {
    withinMs,
    saw: () => backend.got.map(({ event, node, data }) => `${node}: ${event} ${JSON.stringify(data)}`),
  });
}

export async function start(
  backend: Backend,
  options: Parameters<typeof startClusterUnderTest>[0] = {},
): Promise<{ cluster: ClusterUnderTest; clients: Recorder[] }> {
  const cluster = await startClusterUnderTest({
    ...options,
    env: { ...settingsOf(backend), ...options.env },
  });
  for (const { url } of cluster.replicas) await until(async () => (await healthOf(url)).ready);
  const clients = cluster.replicas.flatMap(({ url }) =>
    [1, 2].map(() => cluster.connect({ transports: ['websocket'], reconnection: false }, url)),
  );
  await Promise.all(clients.map(nodeOf));
  await until(() => backend.of('connect').length === clients.length);
  return { cluster, clients };
}
