/** Clients that watch a cluster whose replicas are killed, hang, or lose Redis. */
import { expect, it, onTestFinished } from 'vitest';
import { apiKey, startClusterUnderTest } from '../cluster/cluster-under-test.ts';
import { latest, names, seenAfter, total, watch, type Fits } from '../support/clients/cluster-watch.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { startEmbeddedCluster } from '../support/processes/embedded-cluster.ts';
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

it('[CS2][CS3] shows the workers of one machine, and drops one within 2 s if it was killed or hangs', async () => {
  const cluster = await startEmbeddedCluster({ WORKERS: '3', API_KEYS: apiKey });
  onTestFinished(() => cluster.close());
  const connect = (auth: object): Promise<Recorder> => {
    const client = createRecorder(cluster.url, {
      transports: ['websocket'],
      reconnection: false,
      auth,
    });
    onTestFinished(() => client.close());
    return watch(client);
  };
  const watcher = await connect({});
  const operator = await connect({ apiKey });
  const all: Fits = (nodes) => nodes.length === 3;
  await seenAfter(watcher, 0, (nodes) => all(nodes) && total(nodes) === 2);
  await seenAfter(
    operator,
    0,
    (nodes) => all(nodes) && nodes.every(({ details }) => details?.backplane === 'up'),
  );
  const own = new Set([watcher, operator].map((client) => client.hellos()[0]?.node));
  const other = latest(watcher).find(({ node }) => !own.has(node))?.node ?? '';
  const isGone: Fits = (nodes) => !nodes.some(({ node }) => node === other);
  let since = Date.now();
  cluster.kill(other);
  expect(await seenAfter(watcher, since, isGone)).toBeLessThan(2_000);
  since = Date.now();
  await seenAfter(watcher, since, all);
  since = Date.now();
  process.kill(cluster.pidOf(other) ?? 0, 'SIGSTOP');
  expect(await seenAfter(watcher, since, isGone)).toBeLessThan(2_000);
  // The primary kills a worker that hangs, and forks another.
  since = Date.now();
  await seenAfter(watcher, since, (nodes) => all(nodes) && total(nodes) === 2, 20_000);
}, 180_000);
