/**
 * A true cluster with watched clients and a watched store, for one row: what the row asks for, and what is always asserted, the
 * invariants I1 to I5. Everything ends with the test.
 */
import { readFileSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { startCluster, type Cluster, type ClusterOptions } from '../support/processes/start-cluster.ts';
import { leaderOf, writeLogsOfFailed } from '../cluster/cluster-under-test.ts';
import { crashLine } from '../support/checks/crash-line.ts';
import { createPayloadBook, type PayloadBook } from '../support/checks/payload-book.ts';
import { rawLinks } from '../support/clients/raw-links.ts';
import { openStoreView, type StoreView } from '../support/checks/store-view.ts';
import { startTcpProxy, type TcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { createWatch, type Watch, type WatchOptions } from '../support/clients/watch.ts';
import { faultsSeen, ticksAgain } from './measures.ts';

export const apiKey = 'dummy-key-1';
/** Two of the simulator, and one that only a push moves. */
export const symbols = ['BTC-USD', 'AAPL', 'DEMO'];
/** The lease's as configured by default. */
export const ttlMs = 2_000;

export type Replica = Cluster['replicas'][number];

export interface FaultClusterOptions extends ClusterOptions {
  /** Puts a proxy of ours between each replica and Redis. */
  proxied?: boolean;
}

export interface FaultCluster extends Cluster {
  readonly book: PayloadBook;
  readonly store: StoreView;
  readonly watches: readonly Watch[];
  /** By node, where the cluster is `proxied`. */
  readonly proxies: ReadonlyMap<string, TcpProxy>;
  watch(options: Partial<WatchOptions> & { name: string }): Watch;
  /** One of our stream and one stock client at each replica, six and one through Nginx; resolves when all have ticks and are told that they are live. */
  watchAll(): Promise<readonly Watch[]>;
  /** Those that are connected to that replica at this moment. */
  watchesAt(node: string): Watch[];
  /** Those that are not. */
  watchesBeside(node: string): Watch[];
  leader(): Promise<Replica>;
  followers(): Promise<Replica[]>;
  /**
   * Resolves when every watch is live, where every replica runs. A stream of one replica alone is told to try at once: its own back-off
   * is up to 20 s, the more so where it had just come back from the fault before.
   */
  allLive(options?: { withinMs?: number; of?: readonly Watch[] }): Promise<void>;
  /** Resolves when every watch has had a tick since now; gives the milliseconds. */
  ticksAgain(options?: { withinMs?: number; of?: readonly Watch[] }): Promise<number>;
  /** Asserts I1 to I5, with I4 within two seconds from now; gives how long I4 took. */
  expectSound(): Promise<number>;
}

const maxGrowthBytes = 100 * 1_048_576;

export function rssOf(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes ?? 0) * 1_024;
}

export async function startFaultCluster(options: FaultClusterOptions = {}): Promise<FaultCluster> {
  const { proxied = false, launchOf, ...rest } = options;
  const proxies = new Map<string, TcpProxy>();
  const crashes: string[] = [];
  const cluster = await startCluster({
    replicas: 3,
    ...rest,
    env: {
      UPDATE_INTERVAL: '50',
      FEEDS: 'simulator:BTC-USD,AAPL;push:DEMO',
      API_KEYS: apiKey,
      ...options.env,
    },
    launchOf: async (node, redisUrl) => {
      const own = {
        ...(await launchOf?.(node, redisUrl)),
        onLine: (line: string) => void (crashLine.test(line) && crashes.push(`[I5] ${node}: ${line}`)),
      };
      if (!proxied) return own;
      const proxy = await startTcpProxy({ to: Number(new URL(redisUrl).port), mark: /SUBSCRIBE/i });
      proxies.set(node, proxy);
      return { ...own, env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, ...own.env } };
    },
  });
  const watches: Watch[] = [];
  let store: StoreView | null = null;
  onTestFinished(async ({ task }) => {
    for (const one of watches) one.close();
    store?.close();
    writeLogsOfFailed(task, cluster);
    for (const proxy of proxies.values()) proxy.heal();
    await cluster.stop();
    await Promise.all([...proxies.values()].map((proxy) => proxy.close()));
  });
  const view = await openStoreView({ url: cluster.redis.url, prefix: cluster.redisPrefix });
  store = view;
  const book = createPayloadBook();
  let baseRss = 0;

  async function allLive({ withinMs = 10_000, of = watches }: Parameters<FaultCluster['allLive']>[0] = {}) {
    const away = () => of.filter((one) => !one.isLive());
    await until(
      () => {
        for (const one of away()) if (!one.name.endsWith('@nginx')) one.retryNow();
        return away().length === 0;
      },
      { withinMs, saw: () => away().map(({ name, outages }) => [name, outages.at(-1)]) },
    );
  }

  const ticksAgainOf: FaultCluster['ticksAgain'] = ({ withinMs = 10_000, of = watches } = {}) =>
    ticksAgain(of, withinMs);

  function watch(given: Partial<WatchOptions> & { name: string }): Watch {
    const created = createWatch({ kind: 'stream', url: cluster.url, symbols, book, ...given });
    watches.push(created);
    return created;
  }

  /** I4: what the store holds now, every client has reached within two seconds. */
  async function settle(): Promise<number> {
    const from = performance.now();
    const heads = await view.heads();
    const behind = (): string[] =>
      watches.flatMap(({ name, check, symbols: own }) =>
        own.flatMap((symbol) => {
          const [stored, seen] = [heads.get(symbol), check.head(symbol)];
          if (stored === undefined) return [];
          const reached = seen?.gen === stored.gen && seen.seq >= stored.seq;
          return reached
            ? []
            : [`[I4] ${name} ${symbol} ${JSON.stringify(seen)} of ${JSON.stringify(stored)}`];
        }),
      );
    await until(() => behind().length === 0, { withinMs: 2_000, saw: () => behind().slice(0, 10) });
    return performance.now() - from;
  }

  return {
    ...cluster,
    proxies,
    book,
    store: view,
    watches,
    watch,
    leader: () => leaderOf(cluster),
    allLive,
    ticksAgain: ticksAgainOf,
    followers: async () => {
      const first = await leaderOf(cluster);
      return cluster.replicas.filter((replica) => replica !== first);
    },
    watchesAt: (node) => watches.filter(({ nodes }) => nodes.at(-1) === node),
    watchesBeside: (node) => watches.filter(({ nodes }) => nodes.at(-1) !== node),
    watchAll: async () => {
      for (const { node, url } of cluster.replicas) {
        watch({ name: `stream@${node}`, url, openLink: rawLinks(url) });
        watch({ name: `stock@${node}`, url, kind: 'stock', maxRetryMs: 1_000 });
      }
      for (let index = 1; index <= 6; index++) watch({ name: `stream${index}@nginx` });
      watch({ name: 'stock@nginx', kind: 'stock' });
      await until(() => watches.every((one) => one.isLive()), {
        withinMs: 15_000,
        saw: () => watches.filter((one) => !one.isLive()).map(({ name }) => name),
      });
      await ticksAgainOf();
      await until(() => watches.every(({ feeds }) => feeds.at(-1)?.state === 'live'), {
        withinMs: 5_000,
        saw: () => watches.map(({ name, feeds }) => [name, feeds.at(-1)?.reason]),
      });
      baseRss = Math.max(...cluster.replicas.map(({ pid }) => rssOf(pid)));
      return watches;
    },
    expectSound: async () => {
      const settledMs = await settle();
      for (const tick of await view.history()) book.saw(tick, 'the store');
      const living = cluster.replicas.filter((replica) => replica.running());
      const faults = [
        ...view.faults(),
        ...faultsSeen(watches, book),
        ...crashes,
        ...living
          .filter(({ pid }) => baseRss > 0 && rssOf(pid) > baseRss + maxGrowthBytes)
          .map(({ node, pid }) => `[I5] ${node} holds ${rssOf(pid)} bytes, ${baseRss} before`),
      ];
      expect(faults).toEqual([]);
      expect(view.looks()).toBeGreaterThan(0);
      return settledMs;
    },
  };
}
