/**
 * A cluster under load and random faults for a while, and what its clients and its store say afterwards: 3 replicas, 300 clients in
 * two processes, three in seven of them at slower rates, 50 symbols, 500 ticks a second of which a tenth are pushed. Ends what it started.
 */
import { setTimeout as pass } from 'node:timers/promises';
import { startCluster } from '../support/processes/start-cluster.ts';
import { crashLine } from '../support/checks/crash-line.ts';
import { startCrowd } from '../support/clients/crowd.ts';
import type { CrowdClient } from '../support/clients/crowd-messages.ts';
import { createPayloadBook } from '../support/checks/payload-book.ts';
import { startPusher } from '../support/clients/pusher.ts';
import { createRandom } from '../support/random.ts';
import { openStoreView } from '../support/checks/store-view.ts';
import { startTcpProxy, type TcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { createActions } from './actions.ts';
import { finalFaults, summarise, watchCrowds } from './crowd-watch.ts';

export interface ChaosOptions {
  seed: number;
  seconds: number;
  say: (line: string) => void;
}

/** Each list holds what went wrong, in words. */
export interface ChaosResult {
  conflicts: string[];
  holes: string[];
  epochs: string[];
  finals: string[];
  pushes: string[];
  crashes: string[];
  /** How many names of ticks were compared, and pushes accepted: nothing is proved by few. */
  ticks: number;
  accepted: number;
}

const apiKey = 'dummy-key-1';
const everyMs = 10_000;
const tickEveryMs = 100;
const clientCount = 300;
const symbolsEach = 4;
/** Taken in turn by the clients; seven of them, so that each kind of client has each. */
const rates = [0, 0, 250, 0, 1_000, 0, 5_000];
const names = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${String(index + 1).padStart(2, '0')}`);
const simulated = names('S', 45);
const pushed = names('P', 5);

export async function runChaos({ seed, seconds, say }: ChaosOptions): Promise<ChaosResult> {
  const random = createRandom(seed);
  const startedAt = performance.now();
  const stamp = (): string => `${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s`;
  const proxies = new Map<string, TcpProxy>();
  const closers: (() => unknown)[] = [];
  const book = createPayloadBook();
  const crashes: string[] = [];
  const finals: string[] = [];
  say(`seed ${seed}, ${seconds} s`);

  try {
    const cluster = await startCluster({
      replicas: 3,
      env: {
        UPDATE_INTERVAL: String(tickEveryMs),
        FEEDS: `simulator:${simulated.join()};push:${pushed.join()}`,
        API_KEYS: apiKey,
        DRAIN_MS: '3000',
        LOG_LEVEL: 'warn',
      },
      launchOf: async (node, redisUrl) => {
        const proxy = await startTcpProxy({ to: Number(new URL(redisUrl).port) });
        proxies.set(node, proxy);
        return {
          env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
          onLine: (line) => void (crashLine.test(line) && crashes.push(`${node}: ${line}`)),
        };
      },
      onUnexpectedExit: ({ name }, how) => void crashes.push(`${name} ${how}`),
    });
    closers.push(async () => {
      for (const proxy of proxies.values()) proxy.heal();
      await cluster.stop();
      await Promise.all([...proxies.values()].map((proxy) => proxy.close()));
    });
    const store = await openStoreView({ url: cluster.redis.url, prefix: cluster.redisPrefix });
    closers.push(() => store.close());
    const crowds = await Promise.all([startCrowd(), startCrowd()]);
    for (const crowd of crowds) closers.push(() => crowd.close());

    const clients = Array.from({ length: clientCount }, (_, index): CrowdClient => {
      const own = new Set<string>();
      while (own.size < symbolsEach) own.add(random.pick([...simulated, ...pushed]));
      const kind = index % 10 < 5 ? 'stream' : index % 10 < 8 ? 'raw' : 'stock';
      const direct = index % 10 === 9 ? cluster.replicas[Math.floor(index / 10) % 3] : undefined;
      return {
        name: `${kind}${index}`,
        kind,
        url: direct?.url ?? cluster.url,
        symbols: [...own],
        everyMs: rates[index % rates.length] ?? 0,
      };
    });
    for (const [index, crowd] of crowds.entries())
      crowd.add(
        clients.filter((_, client) => client % 2 === index),
        50,
      );
    const watched = watchCrowds(crowds, store, book);
    closers.push(() => watched.stop());
    const away = async (): Promise<string[]> => {
      const seen = await watched.look();
      return clients
        .map(({ name }) => name)
        .filter((name) => !seen.some((one) => one.name === name && one.isLive));
    };
    await until(async () => (await away()).length === 0, { withinMs: 60_000, saw: away });
    say(`${stamp()}  ${clientCount} clients live`);
    const pusher = startPusher({
      urls: [...cluster.replicas.map(({ url }) => url), cluster.url],
      symbols: pushed,
      apiKey,
      everyMs: tickEveryMs,
    });
    closers.push(() => pusher.finish(0));

    const next = createActions({ cluster, proxies, random });
    const endAt = performance.now() + seconds * 1_000;
    while (performance.now() < endAt) {
      const action = next();
      const beganAt = performance.now();
      say(`${stamp()}  ${action.name}`);
      await action.run();
      await pass(Math.max(0, Math.min(endAt, beganAt + everyMs) - performance.now()));
    }

    for (const proxy of proxies.values()) proxy.heal();
    say(`${stamp()}  healed`);
    await pusher.finish(20_000);
    await until(async () => (await away()).length === 0, { withinMs: 30_000, saw: away }).catch(
      (error: unknown) => finals.push(String(error)),
    );
    await pass(2_000);
    finals.push(...(await finalFaults(store, watched)));
    watched.stop();
    for (const tick of await store.history()) book.saw(tick, 'the store');
    summarise(watched.clients(), watched.lagMs(), pusher.refused(), say);
    return {
      conflicts: [...book.conflicts(), ...watched.conflicts()],
      holes: watched.clients().flatMap(({ name, faults }) => faults.map((text) => `${name}: ${text}`)),
      epochs: store.faults(),
      finals,
      pushes: pusher.faults(book),
      crashes,
      ticks: book.size(),
      accepted: pusher.accepted(),
    };
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}
