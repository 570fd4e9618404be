/**
 * What watchers of the cluster cost: the same hundred connections watch and do not, in turns. Meanwhile a client connects and
 * disconnects all the time, so that watchers are notified as often as possible.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { startCluster, type Cluster } from '../../test/support/processes/start-cluster.ts';
import { median } from '../statistics.ts';
import { processorTime } from '../processor-time.ts';
import { shown } from '../results.ts';
import { rows } from '../rows.ts';
import { symbolNames } from '../script.ts';
import type { Bench } from './bench.ts';

const watchers = 100;
const replicas = 3;
const symbols = symbolNames(20);
const apiKey = 'dummy-key-of-bench';
/** How long the visitor stays, and how long it is away. */
const staysMs = 300;
/** Events per second at each watcher, at least, while the visitor comes and goes. */
const leastEvents = 1;

interface WatchRound {
  /** Percent of a core that all processes of the cluster took. */
  none: number;
  counts: number;
  details: number;
  /** Events a second at each watcher, of counts and of details. */
  events: [counts: number, details: number];
}

/** Reports what a hundred watchers add, in percent of a core. Rejects if they received too few events to be a load. */
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
    const forMs = bench.quick ? 3_000 : 4_000;
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
      rounds.map((round) => ({ ours: round[kind] - round.none })),
    );
  const middle = (of: (round: WatchRound) => number): string => shown(median(rounds.map(of)));
  bench.note(
    `watchers: the same without ${middle(({ none }) => none)} % of a core, with ${watchers} of counts ${middle(({ counts }) => counts)} %, ` +
      `of details ${middle(({ details }) => details)} %; each receives ${middle(({ events }) => events[0])} and ${middle(({ events }) => events[1])} events per second`,
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
      events: [counts.eventsPerSecond, details.eventsPerSecond],
    };
  } finally {
    await visitor.stop();
  }
}

async function watched(cluster: Cluster, crowd: readonly Socket[], forMs: number) {
  let events = 0;
  const count = (): void => void events++;
  for (const socket of crowd) {
    await socket.timeout(5_000).emitWithAck('watch', ['cluster']);
    socket.on('cluster', count);
  }
  const share = await measure(cluster, forMs);
  const eventsPerSecond = events / crowd.length / (forMs / 1_000);
  for (const socket of crowd) {
    socket.off('cluster', count);
    await socket.timeout(5_000).emitWithAck('unwatch');
  }
  if (eventsPerSecond < leastEvents)
    throw new Error(`the watchers are no result: each received ${shown(eventsPerSecond)} events per second`);
  return { share, eventsPerSecond };
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
