/**
 * What those who watch the cluster add to what all of it takes: the same hundred connections watch and do not, in turns, while
 * somebody comes or goes all the time, so that as much is told as ever is.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { startCluster, type Cluster } from '../../test/support/processes/start-cluster.ts';
import { median } from '../median.ts';
import { processorTime } from '../processor-time.ts';
import { figure } from '../results.ts';
import { rows } from '../rows.ts';
import { symbolNames } from '../script.ts';
import type { Bench } from './bench.ts';

const watchers = 100;
const replicas = 3;
const symbols = symbolNames(20);
const apiKey = 'dummy-key-of-bench';
/** Who comes stays so long, and is away as long. */
const staysMs = 300;
/** Of a core, in percent. */
const bound = 5;
/** While somebody comes and goes, everybody is told at least as often a second. */
const leastTold = 1;

interface WatchRound {
  /** Percent of a core that all processes of the cluster took. */
  none: number;
  counts: number;
  details: number;
  /** Events a second at each watcher, of counts and of details. */
  told: [counts: number, details: number];
}

/**
 * Reports what a hundred watchers add, in percent of a core against the most that they may. Rejects where they were
 * told too seldom to be a load.
 */
export async function measureWatchers(bench: Bench): Promise<void> {
  const cluster = await startCluster({
    replicas,
    env: { NODE_ENV: 'production', FEEDS: `push:${symbols.join(',')}`, API_KEYS: apiKey, LOG_LEVEL: 'warn' },
  });
  const sockets: Socket[] = [];
  try {
    const open = async (auth: object): Promise<Socket> => {
      const socket = io(cluster.url, { transports: ['websocket'], forceNew: true, auth });
      sockets.push(socket);
      await new Promise((resolve) => socket.once('hello', resolve));
      await socket.timeout(5_000).emitWithAck('subscribe', symbols);
      return socket;
    };
    const crowds = { counts: [] as Socket[], details: [] as Socket[] };
    for (let i = 0; i < watchers; i++) {
      crowds.counts.push(await open({}));
      crowds.details.push(await open({ apiKey }));
    }
    const forMs = bench.quick ? 4_000 : 10_000;
    // Until the code that runs is compiled.
    await playRound(cluster, crowds, forMs);
    const rounds: WatchRound[] = [];
    for (let round = 0; round < bench.rounds; round++) rounds.push(await playRound(cluster, crowds, forMs));
    report(bench, rounds);
  } finally {
    for (const socket of sockets) socket.disconnect();
    await cluster.stop();
  }
}

function report(bench: Bench, rounds: readonly WatchRound[]): void {
  for (const kind of ['counts', 'details'] as const)
    bench.report(
      kind === 'counts' ? rows.watchers : rows.watchersOfDetails,
      rounds.map((round) => ({ ours: round[kind] - round.none, peer: bound })),
    );
  const middle = (of: (round: WatchRound) => number): string => figure(median(rounds.map(of)));
  bench.note(
    `watchers: the same without ${middle(({ none }) => none)} % of a core, with ${watchers} of counts ${middle(({ counts }) => counts)} %, ` +
      `of details ${middle(({ details }) => details)} %; each is told ${middle(({ told }) => told[0])} and ${middle(({ told }) => told[1])} times a second`,
  );
}

async function playRound(
  cluster: Cluster,
  crowds: Record<'counts' | 'details', readonly Socket[]>,
  forMs: number,
): Promise<WatchRound> {
  const visitor = comeAndGo(cluster.url);
  try {
    const none = await measure(cluster, forMs);
    const counts = await watched(cluster, crowds.counts, forMs);
    const details = await watched(cluster, crowds.details, forMs);
    return {
      none,
      counts: counts.share,
      details: details.share,
      told: [counts.toldPerSecond, details.toldPerSecond],
    };
  } finally {
    await visitor.stop();
  }
}

async function watched(cluster: Cluster, crowd: readonly Socket[], forMs: number) {
  let told = 0;
  const count = (): void => void told++;
  for (const socket of crowd) {
    await socket.timeout(5_000).emitWithAck('watch', ['cluster']);
    socket.on('cluster', count);
  }
  const share = await measure(cluster, forMs);
  const toldPerSecond = told / crowd.length / (forMs / 1_000);
  for (const socket of crowd) {
    socket.off('cluster', count);
    await socket.timeout(5_000).emitWithAck('unwatch');
  }
  if (toldPerSecond < leastTold)
    throw new Error(`the watchers are no result: they were told ${figure(toldPerSecond)} times a second`);
  return { share, toldPerSecond };
}

/** Percent of a core that all processes of the cluster take. */
async function measure({ replicas: all, redis, nginx }: Cluster, forMs: number): Promise<number> {
  const pids = [...all.map(({ pid }) => pid), redis.pid, nginx.pid];
  const before = processorTime(pids);
  const from = performance.now();
  await delay(forMs);
  const microseconds = processorTime(pids) - before;
  return microseconds / 10 / (performance.now() - from);
}

/** Comes and goes until it is stopped. */
function comeAndGo(url: string): { stop: () => Promise<void> } {
  const state = { isOver: false };
  const done = (async () => {
    while (!state.isOver) {
      const socket = io(url, { transports: ['websocket'], forceNew: true });
      await delay(staysMs);
      socket.disconnect();
      await delay(staysMs);
    }
  })();
  return {
    stop: () => {
      state.isOver = true;
      return done;
    },
  };
}
