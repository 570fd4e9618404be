/** What a backend that keeps presence hears of replicas that die, freeze and wake, in both homes: true processes and signals. */
import { expect, it, onTestFinished } from 'vitest';
import { backendSecret, startBackend, type Backend, type Letter } from '../support/backend.ts';
import { startEmbeddedCluster } from '../support/embedded-cluster.ts';
import { untilAllThere } from '../support/embedded-nodes.ts';
import { presenceAfter } from '../support/presence.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { startTcpProxy, type ProxyConnection, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { apiKey, healthOf, startClusterUnderTest, type ClusterUnderTest } from './cluster-under-test.ts';

const settingsOf = ({ url }: Backend) => ({ BACKEND_URL: url, BACKEND_SECRET: backendSecret });
/** Two seconds, and what a loaded machine adds. */
const toldWithinMs = 3_000;

async function nodeOf(client: Recorder): Promise<string> {
  await client.seen('feed', 1, 10_000);
  return client.hellos()[0]?.node ?? '';
}

const sessionOf = (client: Recorder): string => client.hellos()[0]?.session ?? '';
const sessionsOf = (clients: readonly Recorder[]): string[] => clients.map(sessionOf).toSorted();
const online = (backend: Backend): string[] => [...presenceAfter(backend.got).keys()].toSorted();
const lossesTold = (backend: Backend): unknown[] => backend.of('node_gone').map(({ data }) => data);
/** The instance under which that node told of its sessions, the last where there are several. */
const instanceOf = (backend: Backend, node: string): string | undefined =>
  backend.of('connect').findLast((one) => one.node === node)?.instance;
/** What is told when that node dies as it is. */
const lossOf = (backend: Backend, node: string): Loss => ({ node, instance: instanceOf(backend, node) });

/** Nothing came that was forged or old; who did not hear of each other may say the same, with the same id. */
function expectGenuine({ verdicts }: Backend): void {
  expect(verdicts.filter((verdict) => verdict !== 'genuine' && verdict !== 'repeated')).toEqual([]);
}

interface Loss {
  node: string;
  instance: string | undefined;
}

/** Resolves when the backend was told of that loss. */
async function untilTold(backend: Backend, { instance }: Loss, withinMs = toldWithinMs): Promise<void> {
  const isThis = ({ data }: Letter): boolean => (data as Loss).instance === instance;
  await until(() => backend.of('node_gone').some(isThis), {
    withinMs,
    saw: () => backend.got.map(({ event, node, data }) => `${node}: ${event} ${JSON.stringify(data)}`),
  });
}

async function start(
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

/** As `start`, with a network between r1 and Redis that a test may spoil; of its links those are marked by which it hears. */
async function startBehindProxy(backend: Backend, env: Record<string, string> = {}) {
  let proxy: TcpProxy | null = null;
  onTestFinished(() => proxy?.close());
  const started = await start(backend, {
    env,
    launchOf: async (node, redisUrl) => {
      if (node !== 'r1') return {};
      proxy = await startTcpProxy({ to: Number(new URL(redisUrl).port), mark: /SUBSCRIBE/i });
      return { env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } };
    },
  });
  return { ...started, proxy: proxy as TcpProxy | null };
}

it('[BR9] of a replica that was killed the backend is told once, by one that lives, and of the next too', async () => {
  const backend = await startBackend();
  const { cluster, clients } = await start(backend);
  const [r1, r2] = cluster.replicas;
  const [first, second] = [lossOf(backend, 'r1'), lossOf(backend, 'r2')];
  await r1?.kill('SIGKILL');
  await untilTold(backend, first);
  expect(lossesTold(backend)).toEqual([first]);
  const [notice] = backend.of('node_gone');
  expect(['r2', 'r3']).toContain(notice?.node);
  const instance = instanceOf(backend, notice?.node ?? '');
  expect(notice).toMatchObject({ user: null, session: null, instance });
  expect(online(backend)).toEqual(sessionsOf(clients.slice(2)));
  // It comes again under its name, and its sessions are others.
  await r1?.restart();
  const anew = cluster.connect({ transports: ['websocket'], reconnection: false }, r1?.url);
  expect(await nodeOf(anew)).toBe('r1');
  await until(() => online(backend).includes(sessionOf(anew)));
  expect(instanceOf(backend, 'r1')).not.toBe(first.instance);
  await r2?.kill('SIGKILL');
  await untilTold(backend, second);
  expect(lossesTold(backend)).toEqual([first, second]);
  expect(online(backend)).toEqual(sessionsOf([...clients.slice(4), anew]));
  expectGenuine(backend);
}, 40_000);

it('[BR9] a replica that leaves in good order is not told to be gone', async () => {
  const backend = await startBackend();
  const { cluster, clients } = await start(backend);
  const [r1, r2] = cluster.replicas;
  const second = lossOf(backend, 'r2');
  await r1?.kill('SIGTERM');
  await until(() => online(backend).length === 4);
  // Its silence began first: were it lost, that would be told first.
  await r2?.kill('SIGKILL');
  await untilTold(backend, second);
  expect(lossesTold(backend)).toEqual([second]);
  expect(online(backend)).toEqual(sessionsOf(clients.slice(4)));
  expectGenuine(backend);
}, 40_000);

it('[BR9] a replica that was frozen is told to be gone, and tells of the sessions that it still has when it wakes', async () => {
  const backend = await startBackend();
  const { cluster, clients } = await start(backend);
  const [frozen] = cluster.replicas;
  const before = lossOf(backend, 'r1');
  await frozen?.kill('SIGSTOP');
  await untilTold(backend, before);
  expect(online(backend)).toEqual(sessionsOf(clients.slice(2)));
  // One of its clients leaves while it is frozen.
  clients[0]?.close();
  await frozen?.kill('SIGCONT');
  await until(() => online(backend).includes(sessionOf(clients[1] as Recorder)), { withinMs: 5_000 });
  await until(() => backend.of('disconnect').length === 1);
  expect(online(backend)).toEqual(sessionsOf(clients.slice(1)));
  expect(instanceOf(backend, 'r1')).not.toBe(before.instance);
  await clients[1]?.call('order');
  expect(backend.of('order')).toMatchObject([{ node: 'r1', instance: instanceOf(backend, 'r1') }]);
  expect(lossesTold(backend)).toEqual([before]);
  expectGenuine(backend);
}, 40_000);

it.each(['SIGSTOP', 'SIGKILL'] as const)(
  '[BR9] Redis away by %s: nobody is told to be gone who lives, and who died meanwhile is',
  async (signal) => {
    const backend = await startBackend();
    const { cluster, clients } = await start(backend);
    const dead = lossOf(backend, 'r3');
    await cluster.redis.kill(signal);
    await cluster.replicas[2]?.kill('SIGKILL');
    for (const { url } of cluster.replicas.slice(0, 2))
      await until(async () => !(await healthOf(url)).ready, { withinMs: 10_000 });
    if (signal === 'SIGSTOP') await cluster.redis.kill('SIGCONT');
    else await cluster.redis.restart();
    await untilTold(backend, dead, 10_000);
    expect(lossesTold(backend)).toEqual([dead]);
    expect(online(backend)).toEqual(sessionsOf(clients.slice(0, 4)));
    expect(backend.of('connect')).toHaveLength(clients.length);
  },
  40_000,
);

it('[BR9] a replica that is cut off from Redis takes nobody for gone, and is there again with all its sessions when it is back', async () => {
  const backend = await startBackend();
  const { clients, proxy } = await startBehindProxy(backend);
  const before = lossOf(backend, 'r1');
  proxy?.suffer('both', { passing: 'hold' });
  await untilTold(backend, before);
  expect(online(backend)).toEqual(sessionsOf(clients.slice(2)));
  // Its own clients, and what they send, are as they were.
  expect(await clients[0]?.call('order')).toEqual({ ok: true, event: 'order' });
  proxy?.heal();
  await until(() => online(backend).length === clients.length, {
    withinMs: 10_000,
    saw: () => backend.got.map(({ event, node }) => `${node}: ${event}`),
  });
  expect(online(backend)).toEqual(sessionsOf(clients));
  expect(lossesTold(backend)).toEqual([before]);
  expectGenuine(backend);
}, 40_000);

it.each(['hold', 'starve'] as const)(
  '[BR9] a replica that hears nobody and is answered by Redis (%s) takes nobody for gone',
  async (passing) => {
    const backend = await startBackend();
    // A leader that beats slowly: the links are built anew when three of its words are missing.
    const { cluster, clients, proxy } = await startBehindProxy(backend, {
      LEASE_BEAT_MS: '2000',
      LEASE_DEADLINE_MS: '3000',
      LEASE_TTL_MS: '4000',
    });
    const dead = lossOf(backend, 'r3');
    const heard = (): ProxyConnection[] => proxy?.connections().filter(({ marked }) => marked) ?? [];
    const deaf = heard();
    expect(deaf.length).toBeGreaterThan(0);
    for (const link of deaf) link.suffer('down', { passing });
    // It finds that by itself, long after the others would have seemed lost.
    await until(() => heard().some((link) => !deaf.includes(link)), { withinMs: 20_000 });
    await cluster.replicas[2]?.kill('SIGKILL');
    await untilTold(backend, dead, 10_000);
    expect(lossesTold(backend)).toEqual([dead]);
    expect(online(backend)).toEqual(sessionsOf(clients.slice(0, 4)));
    expect(backend.of('connect')).toHaveLength(clients.length);
  },
  60_000,
);

it('[BR9] a backend that was away hears of the loss when it is back, and no replica that could not tell all leaves unnoticed', async () => {
  const backend = await startBackend();
  const { cluster, clients } = await start(backend);
  const [r1, r2] = cluster.replicas;
  const lost = ['r1', 'r2'].map((node) => lossOf(backend, node));
  await backend.stop();
  await r1?.kill('SIGKILL');
  // The one that should tell of it leaves before it can.
  await until(() => r2?.logs().some((line) => line.includes('a replica is lost')));
  await r2?.kill('SIGTERM');
  await backend.start();
  for (const loss of lost) await untilTold(backend, loss, 20_000);
  expect(online(backend)).toEqual(sessionsOf(clients.slice(4)));
}, 60_000);

it('[BR9] of the workers of one machine too: one that was killed, and one that hangs and goes on', async () => {
  const backend = await startBackend();
  const cluster = await startEmbeddedCluster({ ...settingsOf(backend), API_KEYS: apiKey });
  onTestFinished(() => cluster.close());
  await untilAllThere(cluster, 2, apiKey);
  const clients: Recorder[] = [];
  const nodes = new Set<string>();
  while (nodes.size < 2 || clients.length < 4) {
    expect(clients.length).toBeLessThan(12);
    const client = createRecorder(cluster.url, { transports: ['websocket'], reconnection: false });
    onTestFinished(() => client.close());
    clients.push(client);
    nodes.add(await nodeOf(client));
  }
  const on = (node: string): Recorder[] => clients.filter((client) => client.hellos()[0]?.node === node);
  await until(() => backend.of('connect').length === clients.length);
  const [killed = '', hung = ''] = nodes;
  const [first, second] = [lossOf(backend, killed), lossOf(backend, hung)];
  cluster.kill(killed);
  await untilTold(backend, first);
  expect(lossesTold(backend)).toEqual([first]);
  expect(online(backend)).toEqual(sessionsOf(on(hung)));

  // Another worker has the name soon, and can speak.
  await until(
    async () => {
      const client = createRecorder(cluster.url, { transports: ['websocket'], reconnection: false });
      const node = await nodeOf(client);
      client.close();
      return node === killed;
    },
    { withinMs: 15_000 },
  );
  const pid = cluster.pidOf(hung) ?? 0;
  process.kill(pid, 'SIGSTOP');
  await untilTold(backend, second);
  process.kill(pid, 'SIGCONT');
  await until(() => sessionsOf(on(hung)).every((session) => online(backend).includes(session)), {
    withinMs: 5_000,
  });
  expect(lossesTold(backend)).toEqual([first, second]);
  expectGenuine(backend);
}, 60_000);
