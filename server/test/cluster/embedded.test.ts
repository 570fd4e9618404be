/** The local backplane end to end: workers of one machine behind one port. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/processes/embedded-cluster.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';
import { apiKey } from './cluster-under-test.ts';

/** Both transports first: a client without options begins with polling and upgrades. */
const kinds = [['polling', 'websocket'], ['websocket'], ['polling']];

/** Longer than the two seconds within which the whole process ends. */
const drainMs = 4_000;

/** Resolves when both workers serve and know each other. */
async function untilBothServe({ url }: EmbeddedCluster): Promise<void> {
  await until(
    async () => {
      const answer = await fetch(`${url}api/nodes`, { headers: { 'X-API-Key': apiKey } });
      const { nodes = [] } = (await answer.json()) as { nodes?: { state: string }[] };
      return nodes.length === 2 && nodes.every(({ state }) => state === 'serving');
    },
    { withinMs: 20_000 },
  );
}

/** Connects clients that follow a symbol; resolves when each has a tick. */
async function clientsOf({ url }: EmbeddedCluster, transports: string[][]): Promise<Recorder[]> {
  const clients = transports.map((names) => {
    const client = createRecorder(url, { transports: names });
    onTestFinished(() => client.close());
    client.follow(['BTC-USD']);
    return client;
  });
  for (const client of clients) await client.seen('tick', 1, 10_000);
  return clients;
}

const nodeOf = (client: Recorder): string => client.hellos().at(-1)?.node ?? '';

/** Adds clients until each kind of transport has one at that worker. */
async function clientsAt(cluster: EmbeddedCluster, node: string): Promise<Recorder[]> {
  const clients: Recorder[] = [];
  for (const kind of kinds)
    for (let at = ''; at !== node; at = nodeOf(clients.at(-1) as Recorder)) {
      expect(clients.length).toBeLessThan(30);
      clients.push(...(await clientsOf(cluster, [kind])));
    }
  return clients;
}

/** Resolves when each client has had more ticks since now. */
async function ticksAgain(clients: readonly Recorder[]): Promise<void> {
  const counts = clients.map((client) => client.ticks().length);
  await until(() => clients.every((client, index) => client.ticks().length > (counts[index] ?? 0) + 3), {
    withinMs: 10_000,
    saw: () => clients.map((client) => client.events.slice(-3)),
  });
}

describe('the workers of one machine', () => {
  let cluster: EmbeddedCluster;
  beforeAll(async () => {
    cluster = await startEmbeddedCluster({
      UPDATE_INTERVAL: '100',
      API_KEYS: apiKey,
      DRAIN_MS: String(drainMs),
    });
    await untilBothServe(cluster);
  });
  afterAll(() => cluster.close());

  it('[DR1][DR6] a drained worker loses no client of any kind, and another worker replaces it', async () => {
    const clients = await clientsAt(cluster, 'replica-1');
    const moved = clients.filter((client) => nodeOf(client) === 'replica-1');
    const pid = cluster.pidOf('replica-1');
    const answer = await fetch(`${cluster.url}api/nodes/replica-1/drain`, {
      method: 'POST',
      headers: { 'X-API-Key': apiKey },
    });
    expect(answer.status).toBe(202);
    for (const client of moved) await client.seen('hello', 2, 10_000);
    await until(() => ![pid, null].includes(cluster.pidOf('replica-1')), { withinMs: 10_000 });
    await untilBothServe(cluster);
    await ticksAgain(clients);
    expect(clients.flatMap((client) => client.faults())).toEqual([]);
    for (const client of clients) expect(client.hellos()).toHaveLength(moved.includes(client) ? 2 : 1);
  });

  it('[DR5] when the whole process ends, clients are notified and gone within two seconds, although a drain takes longer', async () => {
    await untilBothServe(cluster);
    const clients = await clientsOf(cluster, [['websocket'], ['websocket'], ...kinds]);
    const startedAt = Date.now();
    await cluster.close();
    expect(await cluster.exitCode).toBe(0);
    expect(Date.now() - startedAt).toBeLessThan(2_500);
    for (const client of clients.slice(0, 2)) expect(client.of('shutdown')).toHaveLength(1);
  });
});
