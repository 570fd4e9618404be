/** The bridge of a cluster: whichever replica a client is on, its events reach the backend, and so does its end. */
import { expect, it } from 'vitest';
import type { Hello } from '../../protocol/index.ts';
import { startBackend } from '../support/backend.ts';
import type { Recorder } from '../support/recorder.ts';
import { settingsOf } from './bridge-clients.ts';
import { startClusterUnderTest } from './cluster-under-test.ts';

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
