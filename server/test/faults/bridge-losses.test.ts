/** Notices to a backend with presence while a replica is cut off from Redis, or hears nothing of the others. */
import { expect, it, onTestFinished } from 'vitest';
import {
  expectGenuine,
  lossesTold,
  lossOf,
  online,
  sessionsOf,
  start,
  untilTold,
} from '../cluster/bridge-clients.ts';
import { startBackend, type Backend } from '../support/stand-ins/backend.ts';
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
