/** Clients that watch a cluster whose replicas are killed, hang, leave, or lose Redis. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClusterStatistics, NodeStatistics } from '../../protocol/index.ts';
import { startEmbeddedCluster } from '../support/embedded-cluster.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { apiKey, startClusterUnderTest } from './cluster-under-test.ts';

const websocket = { transports: ['websocket'] };
const slowMs = 180_000;

type Fits = (nodes: readonly NodeStatistics[]) => boolean;

const statistics = (client: Recorder): ClusterStatistics[] => client.of('cluster');
const latest = (client: Recorder): readonly NodeStatistics[] => statistics(client).at(-1)?.nodes ?? [];
const names = (nodes: readonly NodeStatistics[]): string => nodes.map(({ node }) => node).join();
const total = (nodes: readonly NodeStatistics[]): number =>
  nodes.reduce((sum, { connections }) => sum + connections, 0);

/** Waits until it was told so; gives how long after `since`, epoch ms, that was. */
async function toldAfter(client: Recorder, since: number, fits: Fits, withinMs = 10_000): Promise<number> {
  const found = await until(
    () =>
      client.events.find(
        ({ event, payload, at }) =>
          event === 'cluster' && at >= since && fits((payload as ClusterStatistics).nodes),
      ),
    { withinMs, saw: () => statistics(client).slice(-3) },
  );
  return found.at - since;
}

async function watch(client: Recorder): Promise<Recorder> {
  await client.seen('feed', 1, 10_000);
  expect(await client.call('watch', ['cluster'])).toEqual({ ok: true });
  await client.seen('cluster');
  return client;
}

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
  it(
    '[CS2][CS3][CS4] tells the same at every replica, within a second of who comes and goes at another, and details to a key',
    async () => {
      const { cluster, first, second, third } = await startWatchedCluster();
      const watchers = await Promise.all(
        cluster.replicas.map(({ url }) => watch(cluster.connect(websocket, url))),
      );
      for (const watcher of watchers)
        await toldAfter(watcher, 0, (nodes) => names(nodes) === 'r1,r2,r3' && total(nodes) === 3);
      const leader = await cluster.leader();
      for (const watcher of watchers) {
        await toldAfter(watcher, 0, (nodes) => nodes.some((one) => one.leader && one.node === leader.node));
        expect(latest(watcher).map((one) => one.leader)).toEqual(
          cluster.replicas.map(({ node }) => node === leader.node),
        );
      }
      const connect = async (url: string): Promise<Recorder> => {
        const client = cluster.connect({ ...websocket, auth: { userId: 'ann' } }, url);
        await client.seen('feed', 1, 10_000);
        return client;
      };
      const [near, far] = [await connect(second.url), await connect(third.url)];
      for (const watcher of watchers)
        await toldAfter(
          watcher,
          0,
          (nodes) =>
            total(nodes) === 5 &&
            nodes.map(({ users, anonymous }) => `${users}+${anonymous}`).join() === '0+1,1+1,1+1',
        );
      // After a time of calm and right behind another change.
      for (const client of [near, far]) {
        const before = latest(watchers[0] ?? client).map(({ connections }) => connections);
        const closedAt = Date.now();
        client.close();
        for (const watcher of watchers)
          expect(
            await toldAfter(watcher, closedAt, (nodes) => total(nodes) < before.reduce((a, b) => a + b, 0)),
          ).toBeLessThan(1_000);
      }

      const operator = await watch(cluster.connect({ ...websocket, auth: { apiKey } }, first.url));
      const reader = cluster.connect(websocket, third.url);
      await reader.subscribe({ symbols: ['AAPL'], everyMs: 1_000 });
      await toldAfter(
        operator,
        0,
        (nodes) =>
          nodes.every(({ details }) => details !== undefined) &&
          nodes[2]?.details?.symbols['AAPL']?.['1000'] === 1,
      );
      expect(JSON.stringify(watchers.map(statistics))).not.toContain('details');
      const logged = cluster.replicas.flatMap(({ logs }) => logs()).join('\n');
      expect(logged).not.toContain(apiKey);
    },
    slowMs,
  );

  it(
    '[CS3] tells within 2 s of a replica that was killed, that hangs or lost Redis, and of one that leaves at once',
    async () => {
      const { cluster, first, second, third, proxyOfThird } = await startWatchedCluster();
      const watcher = await watch(cluster.connect({ ...websocket, reconnection: false }, first.url));
      const operator = await watch(
        cluster.connect({ ...websocket, reconnection: false, auth: { apiKey } }, first.url),
      );
      const bothToldAfter = async (since: number, fits: Fits): Promise<number> =>
        Math.max(await toldAfter(watcher, since, fits), await toldAfter(operator, since, fits));
      const all: Fits = (nodes) => names(nodes) === 'r1,r2,r3';
      await bothToldAfter(0, all);

      let since = Date.now();
      await third.kill('SIGKILL');
      expect(await bothToldAfter(since, (nodes) => names(nodes) === 'r1,r2')).toBeLessThan(2_000);
      since = Date.now();
      await third.restart();
      await bothToldAfter(since, all);

      since = Date.now();
      await second.kill('SIGSTOP');
      expect(await bothToldAfter(since, (nodes) => names(nodes) === 'r1,r3')).toBeLessThan(2_000);
      since = Date.now();
      await second.kill('SIGCONT');
      await bothToldAfter(since, all);

      const cutOff = await watch(cluster.connect(websocket, third.url));
      since = Date.now();
      proxyOfThird.accept(false);
      proxyOfThird.cut('rst');
      expect(await bothToldAfter(since, (nodes) => names(nodes) === 'r1,r2')).toBeLessThan(2_000);
      expect(await toldAfter(cutOff, since, (nodes) => names(nodes) === 'r3')).toBeLessThan(2_000);
      since = Date.now();
      proxyOfThird.heal();
      proxyOfThird.accept(true);
      await bothToldAfter(since, all);
      await toldAfter(cutOff, since, all);

      since = Date.now();
      const stopped = third.stop();
      expect(
        await bothToldAfter(since, (nodes) =>
          nodes.some((one) => one.node === 'r3' && one.state === 'draining'),
        ),
      ).toBeLessThan(1_000);
      await stopped;
      const leftAt = Date.now();
      await bothToldAfter(since, (nodes) => names(nodes) === 'r1,r2');
      const gone = watcher.events.findLast(({ event }) => event === 'cluster');
      // It said so itself: nobody waited for its beat.
      expect((gone?.at ?? Infinity) - leftAt).toBeLessThan(500);
    },
    slowMs,
  );

  it(
    '[CS2][CS3] tells of workers on one machine, and of one that was killed or hangs',
    async () => {
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
      await toldAfter(watcher, 0, (nodes) => all(nodes) && total(nodes) === 2);
      await toldAfter(
        operator,
        0,
        (nodes) => all(nodes) && nodes.every(({ details }) => details?.backplane === 'up'),
      );
      const own = new Set([watcher, operator].map((client) => client.hellos()[0]?.node));
      const other = latest(watcher).find(({ node }) => !own.has(node))?.node ?? '';
      const isGone: Fits = (nodes) => !nodes.some(({ node }) => node === other);
      let since = Date.now();
      cluster.kill(other);
      expect(await toldAfter(watcher, since, isGone)).toBeLessThan(2_000);
      since = Date.now();
      await toldAfter(watcher, since, all);
      since = Date.now();
      process.kill(cluster.pidOf(other) ?? 0, 'SIGSTOP');
      expect(await toldAfter(watcher, since, isGone)).toBeLessThan(2_000);
      // The primary kills a worker that hangs, and forks another.
      since = Date.now();
      await toldAfter(watcher, since, (nodes) => all(nodes) && total(nodes) === 2, 20_000);
    },
    slowMs,
  );
});
