/** A leader and two followers over a true Redis, with one client at each replica for each symbol. */
import assert from 'node:assert/strict';
import { until } from '../../test/support/until.ts';
import { startRedis } from '../../test/support/processes/start-redis.ts';
import type { Tally } from '../driver/driver-calls.ts';
import { processorTime } from '../processor-time.ts';
import { symbolNames } from '../script.ts';
import { arriveWithinMs, assertClean, type Bench, type Server } from './bench.ts';

/** The replicas that run, until `act` of `onBus` ends. */
export interface BusStage {
  /** The leader first. */
  servers: readonly Server[];
  symbols: readonly string[];
  /** Ticks that came to the clients of each replica since they were there, merged ones included. */
  readonly seen: () => Promise<number[]>;
  /** Resolves when every client has received its ticks of a turn that has not begun yet, if all symbols tick together. */
  readonly turnEnd: () => Promise<void>;
  /** What the clients of each replica received since the last call. Rejects if a tick was missing or repeated. */
  readonly tallies: () => Promise<Tally[]>;
  /** Microseconds of processor time so far. */
  readonly used: () => BusParts;
}

/** One number for each part; `follower` is the mean of both. */
export interface BusParts {
  leader: number;
  follower: number;
  redis: number;
}

const replicas = 3;
/** Symbols of one client. Their ticks of one turn fit into what a client may be sent before it has answered. */
const pageSize = 50;
const startWithinMs = 20_000;

interface BusOptions {
  symbols: number;
  settings: Readonly<Record<string, string>>;
  /** False for replicas without clients. */
  isServed?: boolean;
  /** Gives every symbol its first price, if the replicas do not make prices themselves. */
  prime?: (leader: Server, symbols: readonly string[]) => Promise<void>;
}

/** Starts the replicas and their clients, resolves with what `act` gave, and ends everything. Rejects if another replica led meanwhile. */
export async function onBus<T>(
  bench: Bench,
  { symbols: count, settings, isServed = true, prime }: BusOptions,
  act: (stage: BusStage) => Promise<T>,
): Promise<T> {
  const symbols = symbolNames(count);
  const redis = await startRedis();
  const servers: Server[] = [];
  const crowds: number[] = [];
  const { calls } = bench.driver;
  try {
    for (let i = 0; i < replicas; i++) {
      const server = await bench.startServer({
        peer: 'our replica',
        symbols,
        redisUrl: redis.url,
        settings,
      });
      servers.push(server);
      // The first one leads before the others come.
      await until(() => (i === 0 ? isLeader(server) : isReady(server)), { withinMs: startWithinMs });
      if (i === 0) await prime?.(server, symbols);
    }
    if (isServed) for (const server of servers) crowds.push(await serveAll(bench, server, symbols));
    const result = await act({
      servers,
      symbols,
      seen: () => Promise.all(crowds.map((crowd) => calls.seen(crowd))),
      turnEnd: async () => {
        const heads = await Promise.all(crowds.map((crowd) => calls.head(crowd)));
        const next = Math.max(...heads) + 1;
        await Promise.all(crowds.map((crowd) => calls.arrive(crowd, next, arriveWithinMs)));
      },
      tallies: async () => {
        const tallies = await Promise.all(crowds.map((crowd) => calls.tally(crowd)));
        for (const tally of tallies) assertClean(`the bus with ${count} symbols`, tally);
        return tallies;
      },
      used: () => {
        const [leader = NaN, ...followers] = servers.map(({ pid }) => processorTime([pid]));
        const follower = followers.reduce((sum, one) => sum + one, 0) / followers.length;
        return { leader, follower, redis: processorTime([redis.pid]) };
      },
    });
    const [first] = servers;
    assert(first !== undefined && (await isLeader(first)), 'another replica led meanwhile');
    return result;
  } finally {
    for (const crowd of crowds) await calls.close(crowd);
    for (const server of servers) await server.close();
    await redis.stop();
  }
}

async function isReady({ port }: Server): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
}

async function isLeader(server: Server): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${server.port}/health`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the replica is ours
  const { leader, ready } = (await response.json()) as { leader: { me: boolean }; ready: boolean };
  return leader.me && ready;
}

/** Subscribes to everything, page by page, so that every symbol has a client. */
async function serveAll({ driver }: Bench, { port }: Server, symbols: readonly string[]): Promise<number> {
  const pages = Math.ceil(symbols.length / pageSize);
  const { crowd } = await driver.calls.open({
    port,
    clients: pages,
    symbols,
    groups: Array.from({ length: pages }, (_, page) =>
      symbols.slice(page * pageSize, (page + 1) * pageSize).map((__, i) => page * pageSize + i),
    ),
    parallel: 10,
    awaitsSnapshot: true,
  });
  return crowd;
}
