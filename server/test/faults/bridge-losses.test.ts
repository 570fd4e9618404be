/** Notices to a backend with presence while replicas, Redis or the backend are killed, frozen or cut off. */
import { expect, it, onTestFinished } from 'vitest';
import { apiKey, healthOf } from '../cluster/cluster-under-test.ts';
import {
  expectGenuine,
  instanceOf,
  lossesTold,
  lossOf,
  nodeOf,
  online,
  sessionOf,
  sessionsOf,
  settingsOf,
  start,
  untilTold,
} from '../cluster/bridge-clients.ts';
import { startBackend, type Backend } from '../support/stand-ins/backend.ts';
import { startEmbeddedCluster, untilAllThere } from '../support/processes/embedded-cluster.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { startTcpProxy, type ProxyConnection, type TcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { until } from '../support/until.ts';

/** As `start`, with a proxy between r1 and Redis. The proxy marks r1's subscriber links. */
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

it('[BR9] a frozen replica is reported, and reports its remaining sessions again when it goes on', async () => {
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
});

it.each(['SIGSTOP', 'SIGKILL'] as const)(
  '[BR9] after %s of Redis no live replica is reported, and a replica that died meanwhile is',
  async (signal) => {
    const backend = await startBackend();
    const { cluster, clients } = await start(backend);
    const dead = lossOf(backend, 'r3');
    await cluster.redis.kill(signal);
    await cluster.replicas[2]?.kill('SIGKILL');
    for (const { url } of cluster.replicas.slice(0, 2))
      await until(async () => (await healthOf(url)).backplane.state === 'down', { withinMs: 10_000 });
    if (signal === 'SIGSTOP') await cluster.redis.kill('SIGCONT');
    else await cluster.redis.restart();
    await untilTold(backend, dead, 10_000);
    expect(lossesTold(backend)).toEqual([dead]);
    expect(online(backend)).toEqual(sessionsOf(clients.slice(0, 4)));
    expect(backend.of('connect')).toHaveLength(clients.length);
  },
);

it('[BR9] a replica that is cut off from Redis reports no other, and reports all its sessions again afterwards', async () => {
  const backend = await startBackend();
  const { clients, proxy } = await startBehindProxy(backend);
  const before = lossOf(backend, 'r1');
  proxy?.suffer('both', { passing: 'hold' });
  await untilTold(backend, before);
  expect(online(backend)).toEqual(sessionsOf(clients.slice(2)));
  // Its own clients can still send events.
  expect(await clients[0]?.call('order')).toEqual({ ok: true, event: 'order' });
  proxy?.heal();
  await until(() => online(backend).length === clients.length, {
    withinMs: 10_000,
    saw: () => backend.got.map(({ event, node }) => `${node}: ${event}`),
  });
  expect(online(backend)).toEqual(sessionsOf(clients));
  expect(lossesTold(backend)).toEqual([before]);
  expectGenuine(backend);
});

it.each(['hold', 'starve'] as const)(
  '[BR9] a replica with a dead subscriber link (%s) reports no other',
  async (passing) => {
    const backend = await startBackend();
    // The leader beats slowly, because a replica rebuilds its links after three missing beats.
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
    // The replica notices this long after the others would count as lost.
    await until(() => heard().some((link) => !deaf.includes(link)), { withinMs: 20_000 });
    await cluster.replicas[2]?.kill('SIGKILL');
    await untilTold(backend, dead, 10_000);
    expect(lossesTold(backend)).toEqual([dead]);
    expect(online(backend)).toEqual(sessionsOf(clients.slice(0, 4)));
    expect(backend.of('connect')).toHaveLength(clients.length);
  },
);

it('[BR9] a backend that was unavailable receives the losses afterwards, also that of a replica that drained meanwhile', async () => {
  const backend = await startBackend();
  const { cluster, clients } = await start(backend);
  const [killed, ...others] = cluster.replicas;
  const losses = cluster.replicas.map(({ node }) => lossOf(backend, node));
  await backend.stop();
  await killed?.kill('SIGKILL');
  const reporter = await until(
    () => others.find(({ logs }) => logs().some((line) => line.includes('a replica is lost'))),
    { withinMs: 10_000 },
  );
  // The replica that should report the loss ends before it can.
  await reporter.kill('SIGTERM');
  await backend.start();
  const isStaying = (node: string | undefined): boolean => node !== killed?.node && node !== reporter.node;
  for (const loss of losses) if (!isStaying(loss.node)) await untilTold(backend, loss, 20_000);
  const staying = clients.filter((client) => isStaying(client.hellos()[0]?.node));
  expect(online(backend)).toEqual(sessionsOf(staying));
});

it('[BR9] on the local backplane a killed and a frozen worker are reported', async () => {
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

  // Soon another worker has the name.
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
});
