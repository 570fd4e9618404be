import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startOwnReplica, type OwnReplica } from '../support/own-replica.ts';
import { createPayloadBook } from '../support/payload-book.ts';
import { createRecorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { createWatch, type Watch } from '../support/watch.ts';
import {
  apiKey,
  healthOf,
  push,
  startClusterUnderTest,
  type ClusterUnderTest,
} from './cluster-under-test.ts';

const symbols = ['BTC-USD', 'AAPL', 'DEMO'];
const isWell = { status: 200 };

/** Clients through Nginx: our library as it comes, and stock ones on WebSocket alone. */
function crowd(url: string, each: number): { own: Watch[]; stock: Watch[]; all: Watch[] } {
  const book = createPayloadBook();
  const watch = (kind: Watch['kind'], index: number): Watch => {
    const watched = createWatch({
      name: `${kind}-${index}`,
      url,
      kind,
      symbols,
      book,
      ...(kind === 'stock' && { transports: ['websocket' as const] }),
    });
    onTestFinished(() => watched.close());
    return watched;
  };
  const own = Array.from({ length: each }, (_, index) => watch('stream', index));
  const stock = Array.from({ length: each }, (_, index) => watch('stock', index));
  onTestFinished(() => expect(book.conflicts()).toEqual([]));
  return { own, stock, all: [...own, ...stock] };
}

async function allLive(clients: readonly Watch[], withinMs = 15_000): Promise<void> {
  await until(() => clients.every((client) => client.isLive()), {
    withinMs,
    saw: () => clients.filter((client) => !client.isLive()).map(({ name, nodes }) => ({ name, nodes })),
  });
  const counts = clients.map(({ check }) => check.counts().ticks);
  await until(() => clients.every(({ check }, index) => check.counts().ticks > (counts[index] ?? 0)));
}

function expectNothingLost({ own, all }: { own: readonly Watch[]; all: readonly Watch[] }): void {
  expect(all.flatMap(({ name, check }) => check.faults().map((fault) => `${name}: ${fault}`))).toEqual([]);
  for (const { check } of own) expect(check.counts()).toMatchObject({ unrecovered: 0, gaps: 0 });
}

const reconnects = ({ nodes }: Watch): number => nodes.length - 1;

function settingsOf(cluster: ClusterUnderTest): Record<string, string> {
  return {
    REDIS_URL: cluster.redis.url,
    REDIS_PREFIX: cluster.redisPrefix,
    LOG_LEVEL: 'info',
    API_KEYS: apiKey,
  };
}

const post = (url: string, path: string): Promise<Response> =>
  fetch(url + path, { method: 'POST', headers: { 'X-API-Key': apiKey } });

/** Joins by hand, and then neither answers nor reads. */
async function stuckPeer({ url }: { url: string }): Promise<void> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let said = '';
  socket.on('data', (bytes: Buffer) => (said += bytes.toString('latin1')));
  socket.on('error', () => {});
  socket.write(
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\n` +
      'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await until(() => said.includes('\r\n\r\n'));
  socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]));
  await until(() => said.includes('"hello"'));
  socket.pause();
}

async function nodesKnownTo({ url }: { url: string }): Promise<string[]> {
  const answer = await fetch(`${url}/api/nodes`, { headers: { 'X-API-Key': apiKey } });
  return ((await answer.json()) as { nodes: { node: string }[] }).nodes.map(({ node }) => node);
}

async function connectedTo({ url }: OwnReplica): Promise<ReturnType<typeof createRecorder>> {
  const client = createRecorder(url, { transports: ['websocket'], reconnection: false });
  onTestFinished(() => client.close());
  await client.seen('hello');
  return client;
}

describe('a replica that leaves', () => {
  it(
    '[DR1][DR2][DR3] the leader, by SIGTERM: another leads at once, everyone comes back elsewhere, and nothing is lost',
    { timeout: 120_000 },
    async () => {
      const cluster = await startClusterUnderTest({ env: { DRAIN_MS: '3000' } });
      const clients = crowd(cluster.url, 18);
      const polling = cluster.connect({ transports: ['polling'] });
      polling.follow(symbols);
      await polling.seen('tick');
      await allLive(clients.all);

      const leader = await cluster.leader();
      await until(async () => (await nodesKnownTo(leader)).length === 3);
      const moved = clients.all.filter(({ nodes }) => nodes.at(-1) === leader.node);
      expect(moved.length).toBeGreaterThan(2);
      const startedAt = performance.now();
      await leader.kill('SIGTERM');
      const tookMs = performance.now() - startedAt;
      expect(tookMs).toBeLessThan(5_500);
      await allLive(clients.all);

      // In no order of dying: each left when it was told to, so the last one late in the drain.
      const lostAt = moved
        .map(({ outages }) => (outages[0]?.lostAt ?? 0) - startedAt)
        .toSorted((a, b) => a - b);
      expect((lostAt.at(-1) ?? 0) - (lostAt[0] ?? 0)).toBeGreaterThan(800);
      for (const client of moved) {
        expect(reconnects(client)).toBe(1);
        expect(client.nodes[1]).not.toBe(leader.node);
      }
      for (const client of clients.all.filter((one) => !moved.includes(one)))
        expect(reconnects(client)).toBe(0);
      for (const client of moved.filter(({ kind }) => kind === 'stream')) {
        const [outage] = client.outages;
        expect((outage?.backAt ?? Infinity) - (outage?.lostAt ?? 0)).toBeLessThan(1_000);
      }
      const staying = clients.all.find((client) => !moved.includes(client));
      expect(staying?.longestPause(startedAt)).toBeLessThan(1_000);
      expectNothingLost(clients);
      const count = polling.ticks().length;
      await until(() => polling.ticks().length > count);
      expect(polling.faults()).toEqual([]);
    },
  );

  it(
    '[DR2] answers calls, hands pushes to the new leader and delivers ticks until the end',
    { timeout: 60_000 },
    async () => {
      const cluster = await startClusterUnderTest({ env: { DRAIN_MS: '6000' } });
      const leader = await cluster.leader();
      await until(async () => (await nodesKnownTo(leader)).length === 3);
      const clients = Array.from({ length: 4 }, () =>
        cluster.connect({ transports: ['websocket'], reconnection: false }, leader.url),
      );
      for (const client of clients) {
        await client.seen('hello');
        expect(await client.subscribe(['DEMO'])).toMatchObject({ ok: true });
      }
      expect(await post(leader.url, `/api/nodes/${leader.node}/drain`)).toMatchObject({ status: 202 });
      for (const client of clients) await client.seen('shutdown');
      await until(async () => (await push(leader.url, [{ symbol: 'DEMO', price: '1.5' }])).status === 200, {
        withinMs: 2_000,
      });
      expect(await healthOf(leader.url)).toMatchObject({
        status: 'draining',
        ready: false,
        leader: { me: false },
      });
      // The last one is told to leave in the last quarter.
      await clients.at(-1)?.seen('tick', 1, 1_000);
      expect(clients.flatMap((client) => client.faults())).toEqual([]);
    },
  );

  it('[DR6] by POST to any other one, and ends with code 0', { timeout: 60_000 }, async () => {
    const cluster = await startClusterUnderTest({ replicas: 2 });
    const own = await startOwnReplica({ ...settingsOf(cluster), DRAIN_MS: '500' });
    const [other] = cluster.replicas;
    const url = other?.url ?? '';
    await until(async () => (await post(url, '/api/nodes/own/drain')).status === 202);
    expect(await own.ended).toEqual([0, null]);
    const startedAt = Date.now();
    await until(async () => (await post(url, '/api/nodes/own/drain')).status === 404);
    expect(Date.now() - startedAt).toBeLessThan(2_000);
    expect(await nodesKnownTo({ url })).toEqual(['r1', 'r2']);
  });

  it(
    '[DR4] is not held by a peer that neither answers its Close nor reads',
    { timeout: 60_000 },
    async () => {
      const cluster = await startClusterUnderTest({ replicas: 1 });
      const own = await startOwnReplica({ ...settingsOf(cluster), DRAIN_MS: '500' });
      await stuckPeer(own);
      const startedAt = Date.now();
      own.signal('SIGTERM');
      expect(await own.ended).toEqual([0, null]);
      expect(Date.now() - startedAt).toBeLessThan(3_000);
    },
  );

  it(
    '[DR7] ends within a second of a later second signal, and takes two at once for one',
    { timeout: 60_000 },
    async () => {
      const cluster = await startClusterUnderTest({ replicas: 1 });
      const own = await startOwnReplica({ ...settingsOf(cluster), DRAIN_MS: '10000' });
      const clients = await Promise.all([1, 2, 3, 4].map(() => connectedTo(own)));
      await until(async () => (await nodesKnownTo(own)).includes('r1'));
      await until(async () => (await nodesKnownTo({ url: cluster.replicas[0]?.url ?? '' })).includes('own'));
      const askedAt = Date.now();
      own.signal('SIGINT');
      own.signal('SIGINT');
      await Promise.all(clients.map((client) => client.seen('shutdown')));
      expect(own.logs.filter((line) => line.includes('"draining"'))).toHaveLength(1);
      // One in each quarter of the drain: the first is away long before the others.
      await until(() => clients.some(({ socket }) => !socket.connected), { withinMs: 3_000 });
      // Within half a second of the first it would be the same one.
      await until(() => Date.now() - askedAt > 600);
      const startedAt = Date.now();
      own.signal('SIGTERM');
      expect(await own.ended).toEqual([1, null]);
      expect(Date.now() - startedAt).toBeLessThan(1_000);
    },
  );
});

describe('a rolling restart', () => {
  it(
    '[DR1][DR3] of all replicas: no stock client stays away, no tick is lost to one of ours, who reconnects twice at most',
    { timeout: 180_000 },
    async () => {
      const cluster = await startClusterUnderTest({ nginx: { failTimeoutMs: 6_000 } });
      const clients = crowd(cluster.url, 12);
      await allLive(clients.all);
      for (const replica of cluster.replicas) {
        await replica.restart();
        await allLive(clients.all);
        // Nginx leaves a replica out for a while after a refused handshake; one after the other means waiting for both.
        await until(() => takesHandshakes(cluster, replica.node), { withinMs: 15_000 });
      }
      await allLive(clients.all);
      expectNothingLost(clients);
      for (const client of clients.own) {
        expect(reconnects(client)).toBeLessThanOrEqual(2);
        for (const { lostAt, backAt } of client.outages)
          expect((backAt ?? Infinity) - lostAt).toBeLessThan(1_000);
      }
      // Nothing ties these to a replica, so the next one may be the next to leave.
      for (const client of clients.stock)
        expect(reconnects(client)).toBeLessThanOrEqual(cluster.replicas.length);
      expect(await fetch(`${cluster.url}/health`)).toMatchObject(isWell);
    },
  );
});

/** Whether Nginx brings one of ten new clients to that replica. */
async function takesHandshakes(cluster: ClusterUnderTest, node: string): Promise<boolean> {
  const nodes = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const client = createRecorder(cluster.url, { transports: ['websocket'], reconnection: false });
      await client.seen('hello');
      client.close();
      return client.hellos()[0]?.node;
    }),
  );
  return nodes.includes(node);
}
