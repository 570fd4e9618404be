/** Clients that watch a cluster whose replicas are killed, hang, or lose Redis. */
import { expect, it, onTestFinished } from 'vitest';
import { apiKey, startClusterUnderTest } from '../cluster/cluster-under-test.ts';
import { names, seenAfter, watch } from '../support/clients/cluster-watch.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { startTcpProxy, type TcpProxy } from '../support/stand-ins/tcp-proxy.ts';

it('[CS3] a replica is missing within 2 s if it was killed, hangs or lost Redis, and is shown again afterwards', async () => {
  let proxy: TcpProxy | undefined;
  const cluster = await startClusterUnderTest({
    launchOf: async (node, redisUrl) => {
      if (node !== 'r3') return {};
      proxy = await startTcpProxy({ to: Number(new URL(redisUrl).port) });
      return { env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } };
    },
  });
  onTestFinished(() => proxy?.close());
  const [first, second, third] = cluster.replicas;
  const connect = (url = '', auth = {}): Promise<Recorder> =>
    watch(cluster.connect({ transports: ['websocket'], auth }, url));
  const watchers = [await connect(first?.url), await connect(first?.url, { apiKey })];
  /** Resolves when the clients were shown these replicas; gives how many milliseconds it took. */
  async function shown(replicas: string, since: number, clients = watchers): Promise<number> {
    const times = clients.map((client) => seenAfter(client, since, (nodes) => names(nodes) === replicas));
    return Math.max(...(await Promise.all(times)));
  }
  await shown('r1,r2,r3', 0);
  for (const { fails, heals, left } of [
    { fails: () => third?.kill('SIGKILL'), heals: () => third?.restart(), left: 'r1,r2' },
    { fails: () => second?.kill('SIGSTOP'), heals: () => second?.kill('SIGCONT'), left: 'r1,r3' },
  ]) {
    const failedAt = Date.now();
    await fails();
    expect(await shown(left, failedAt)).toBeLessThan(2_000);
    const healedAt = Date.now();
    await heals();
    await shown('r1,r2,r3', healedAt);
  }

  const cutOff = await connect(third?.url);
  const cutAt = Date.now();
  proxy?.accept(false);
  proxy?.cut('rst');
  expect(await shown('r1,r2', cutAt)).toBeLessThan(2_000);
  expect(await shown('r3', cutAt, [cutOff])).toBeLessThan(2_000);
  const healedAt = Date.now();
  proxy?.heal();
  await shown('r1,r2,r3', healedAt, [...watchers, cutOff]);
}, 180_000);
