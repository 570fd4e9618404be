import { expect, it, onTestFinished } from 'vitest';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/embedded-cluster.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';

const apiKey = 'dummy-key-1';

async function start(settings: Record<string, string>): Promise<EmbeddedCluster> {
  const cluster = await startEmbeddedCluster({ UPDATE_INTERVAL: '100', API_KEYS: apiKey, ...settings });
  onTestFinished(() => cluster.close());
  await until(async () => (await nodesOf(cluster)).length === 2);
  return cluster;
}

async function nodesOf({ url }: EmbeddedCluster): Promise<string[]> {
  const answer = await fetch(`${url}api/nodes`, { headers: { 'X-API-Key': apiKey } });
  return ((await answer.json()) as { nodes: { node: string; state: string }[] }).nodes
    .filter(({ state }) => state === 'serving')
    .map(({ node }) => node)
    .toSorted();
}

async function clientsOf({ url }: EmbeddedCluster, transports: string[][]): Promise<Recorder[]> {
  const clients = transports.map((names) => createRecorder(url, { transports: names }));
  for (const client of clients) {
    onTestFinished(() => client.close());
    client.follow(['BTC-USD']);
    await client.seen('tick', 1, 10_000);
  }
  return clients;
}

it('[DR1][DR6] a worker told to leave does so without losing anyone, whichever is asked, and another takes its place', async () => {
  const cluster = await start({ DRAIN_MS: '1500' });
  const clients = await clientsOf(cluster, [
    ...Array.from({ length: 6 }, () => ['websocket']),
    ...Array.from({ length: 4 }, () => ['polling']),
    ...Array.from({ length: 4 }, () => ['polling', 'websocket']),
  ]);
  const pid = cluster.pidOf('replica-1');
  const moved = clients.filter((client) => client.hellos()[0]?.node === 'replica-1');
  expect(moved.length).toBeGreaterThan(0);

  const told = await fetch(`${cluster.url}api/nodes/replica-1/drain`, {
    method: 'POST',
    headers: { 'X-API-Key': apiKey },
  });
  expect(told.status).toBe(202);
  // To the other worker, or to the one that took the place of theirs meanwhile.
  for (const client of moved) await client.seen('hello', 2, 10_000);
  await until(() => ![pid, null].includes(cluster.pidOf('replica-1')), { withinMs: 10_000 });
  await until(async () => (await nodesOf(cluster)).length === 2, { withinMs: 10_000 });
  for (const client of clients) {
    const count = client.ticks().length;
    await until(() => client.ticks().length > count);
    expect(client.faults()).toEqual([]);
    expect(client.hellos()).toHaveLength(moved.includes(client) ? 2 : 1);
  }
});

it('[DR5] when all of it ends, clients are told and gone within two seconds, however long a drain may take', async () => {
  const cluster = await start({ DRAIN_MS: '15000' });
  const clients = await clientsOf(cluster, [
    ['websocket'],
    ['websocket'],
    ['polling'],
    ['polling', 'websocket'],
  ]);
  const startedAt = Date.now();
  await cluster.close();
  expect(await cluster.exitCode).toBe(0);
  expect(Date.now() - startedAt).toBeLessThan(2_500);
  for (const client of clients.slice(0, 2)) expect(client.of('shutdown')).toHaveLength(1);
});

it('figures of all workers come in one answer, each named by its node', async () => {
  const cluster = await start({});
  await clientsOf(cluster, [['websocket'], ['websocket'], ['websocket']]);
  const text = await (await fetch(`${cluster.url}metrics`)).text();
  const valuesOf = (name: string): number[] =>
    ['replica-1', 'replica-2'].map((node) => {
      const [, value] = new RegExp(`^${name}\\{node="${node}"\\} (\\S+)$`, 'm').exec(text) ?? [];
      return Number(value);
    });
  const sumOf = (name: string): number => valuesOf(name).reduce((sum, value) => sum + value);
  expect(sumOf('socket_connections_active')).toBe(3);
  // Each: connect, hello, feed, the answer, the snapshot and a tick.
  expect(sumOf('socket_messages_sent_total')).toBeGreaterThanOrEqual(18);
  expect(sumOf('tickwire_leading')).toBe(1);
  for (const bytes of valuesOf('process_resident_memory_bytes')) expect(bytes).toBeGreaterThan(0);
});
