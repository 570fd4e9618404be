/** Clients that watch a cluster whose replicas are killed, hang, or lose Redis. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { apiKey, startClusterUnderTest } from '../cluster/cluster-under-test.ts';
import { latest, names, seenAfter, total, watch, type Fits } from '../support/cluster-watch.ts';
import { startEmbeddedCluster } from '../support/embedded-cluster.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const websocket = { transports: ['websocket'] };

async function startWatchedCluster() {
  const proxies = new Map<string, TcpProxy>();
  const cluster = await startClusterUnderTest({
    launchOf: async (node, redisUrl) => {
      const proxy = await startTcpProxy({ to: Number(new URL(redisUrl).port) });
      proxies.set(node, proxy);
      return { env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } };
    },
  });
  onTestFinished(async () => {
    for (const proxy of proxies.values()) await proxy.close();
  });
  const [first, second, third] = cluster.replicas;
  const proxyOfThird = proxies.get('r3');
  if (first === undefined || second === undefined || third === undefined || proxyOfThird === undefined)
    throw new Error('fewer than three');
  return { cluster, first, second, third, proxyOfThird };
}

describe('watching a cluster', () => {
  it('[CS3] drops a replica within 2 s if it was killed, hangs or lost Redis, and shows it again afterwards', async () => {
    const { cluster, first, second, third, proxyOfThird } = await startWatchedCluster();
    const watcher = await watch(cluster.connect({ ...websocket, reconnection: false }, first.url));
    const operator = await watch(
      cluster.connect({ ...websocket, reconnection: false, auth: { apiKey } }, first.url),
    );
    const bothSeenAfter = async (since: number, fits: Fits): Promise<number> =>
      Math.max(await seenAfter(watcher, since, fits), await seenAfter(operator, since, fits));
    const all: Fits = (nodes) => names(nodes) === 'r1,r2,r3';
    await bothSeenAfter(0, all);

    let since = Date.now();
    await third.kill('SIGKILL');
    expect(await bothSeenAfter(since, (nodes) => names(nodes) === 'r1,r2')).toBeLessThan(2_000);
    since = Date.now();
    await third.restart();
    await bothSeenAfter(since, all);

    since = Date.now();
    await second.kill('SIGSTOP');
    expect(await bothSeenAfter(since, (nodes) => names(nodes) === 'r1,r3')).toBeLessThan(2_000);
    since = Date.now();
    await second.kill('SIGCONT');
    await bothSeenAfter(since, all);

    const cutOff = await watch(cluster.connect(websocket, third.url));
    since = Date.now();
    proxyOfThird.accept(false);
    proxyOfThird.cut('rst');
    expect(await bothSeenAfter(since, (nodes) => names(nodes) === 'r1,r2')).toBeLessThan(2_000);
    expect(await seenAfter(cutOff, since, (nodes) => names(nodes) === 'r3')).toBeLessThan(2_000);
    since = Date.now();
    proxyOfThird.heal();
    proxyOfThird.accept(true);
    await bothSeenAfter(since, all);
    await seenAfter(cutOff, since, all);
  }, 180_000);

  it('[CS2][CS3] shows the workers of one machine, and drops one within 2 s if it was killed or hangs', async () => {
    const cluster = await startEmbeddedCluster({ WORKERS: '3', API_KEYS: apiKey });
    onTestFinished(() => cluster.close());
    const connect = (auth: object): Promise<Recorder> => {
      const client = createRecorder(cluster.url, { ...websocket, reconnection: false, auth });
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
});
