/** The bridge in both homes: whichever replica a client is on, its events reach the backend, and the backend hears that it went. */
import { expect, it, onTestFinished } from 'vitest';
import type { Hello } from '../../protocol/index.ts';
import { backendSecret, startBackend, type Backend } from '../support/backend.ts';
import { startEmbeddedCluster, untilAllThere } from '../support/embedded-cluster.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { apiKey, startClusterUnderTest } from './cluster-under-test.ts';

const settingsOf = ({ url }: Backend) => ({ BACKEND_URL: url, BACKEND_SECRET: backendSecret });

async function greeted(client: Recorder): Promise<Hello> {
  await client.seen('hello', 1, 10_000);
  const [hello] = client.hellos();
  if (hello === undefined) throw new Error('not greeted');
  return hello;
}

it('[BR1][BR4] events of clients on every replica of a cluster reach the backend, through Nginx too', async () => {
  const backend = await startBackend(({ user, node, data }) => ({ user, node, data }));
  const cluster = await startClusterUnderTest({ env: settingsOf(backend) });
  const urls = [...cluster.replicas.map(({ url }) => url), cluster.url];
  const clients = urls.map((url, n) =>
    cluster.connect({ transports: ['websocket'], reconnection: false, auth: { userId: `user${n}` } }, url),
  );
  for (const [n, client] of clients.entries()) {
    const { node, session } = await greeted(client);
    expect(await client.call('order', n)).toEqual({ user: `user${n}`, node, data: n });
    expect(backend.of('order').at(-1)).toMatchObject({ session, node });
  }
  const nodes = new Set(backend.of('connect').map(({ node }) => node));
  expect(nodes.size).toBe(cluster.replicas.length);

  // A replica that is stopped says of each of its clients that it is gone.
  const [first] = cluster.replicas;
  const moved = clients.filter((client) => client.hellos()[0]?.node === first?.node);
  await first?.kill('SIGTERM');
  const gone = backend.of('disconnect').map(({ session }) => session ?? '');
  expect(gone.toSorted()).toEqual(
    moved.flatMap((client) => client.hellos().map(({ session }) => session)).toSorted(),
  );
  expect(new Set(backend.verdicts)).toEqual(new Set(['genuine']));
});

it('[BR1][BR7] the workers of one machine have the bridge too, and say of every session that it is gone before they end', async () => {
  const backend = await startBackend(({ node }) => ({ node }));
  const cluster = await startEmbeddedCluster({ ...settingsOf(backend), API_KEYS: apiKey });
  onTestFinished(() => cluster.close());
  await untilAllThere(cluster, 2, apiKey);
  const clients = Array.from({ length: 6 }, () => {
    const client = createRecorder(cluster.url, { transports: ['websocket'], reconnection: false });
    onTestFinished(() => client.close());
    return client;
  });
  for (const client of clients) {
    const { node } = await greeted(client);
    expect(await client.call('order')).toEqual({ node });
  }
  expect(new Set(backend.of('order').map(({ node }) => node)).size).toBe(2);
  const text = await (await fetch(`${cluster.url}metrics`)).text();
  const answered = [...text.matchAll(/^tickwire_backend_requests_total\{.*"answered".*\} (\d+)$/gm)];
  expect(answered.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(backend.got.length);
  await cluster.close();
  expect(await cluster.exitCode).toBe(0);
  await until(() => backend.of('disconnect').length === clients.length, {
    saw: () => backend.got.map(({ event }) => event),
  });
});
