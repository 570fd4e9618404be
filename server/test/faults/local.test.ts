/** The local home: its primary and its workers killed, frozen and restarted. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { freePort } from '../support/processes/free-port.ts';
import { guard } from '../../../scripts/lib/guard.mjs';
import { healthOf } from '../cluster/cluster-under-test.ts';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/processes/embedded-cluster.ts';
import { createPayloadBook, type PayloadBook } from '../support/checks/payload-book.ts';
import { until } from '../support/until.ts';
import { createWatch, type Watch } from '../support/clients/watch.ts';
import { ttlMs } from './fault-cluster.ts';
import { faultRow, shown, type Measure } from './fault-row.ts';
import { faultsSeen, feedReached, lossesOf, pauseOf, ticksAgain } from './measures.ts';

const workers = 3;
const env = { UPDATE_INTERVAL: '50', FEEDS: 'simulator:BTC-USD,AAPL', WORKERS: String(workers) };

interface LocalHome {
  cluster: EmbeddedCluster;
  watches: Watch[];
  book: PayloadBook;
  port: number;
  url: string;
}

async function start(port: number): Promise<EmbeddedCluster> {
  const cluster = await startEmbeddedCluster({ ...env, PORT: String(port) });
  const release = guard(cluster.pid);
  onTestFinished(async () => {
    if (isRunning(cluster.pid)) await cluster.close();
    release();
  });
  return cluster;
}

/** It listens as soon as its first worker is there. */
async function untilAllWork({ url }: LocalHome): Promise<void> {
  const ready = new Set<string>();
  await until(async () => ready.add((await healthOf(url)).node).size === workers, { withinMs: 15_000 });
}

/** More clients, one worker after the other; resolves when all there are, are live. */
async function join({ watches, book, url }: LocalHome, count: number, kind: Watch['kind']): Promise<void> {
  for (let index = 0; index < count; index++) {
    const name = `${kind}${watches.length}${kind === 'stream' ? '@nginx' : ''}`;
    watches.push(createWatch({ name, kind, url, symbols: ['BTC-USD', 'AAPL'], book }));
  }
  await until(
    () =>
      watches.every(
        (watch) => watch.isLive() && watch.feeds.at(-1)?.state === 'live' && watch.tickTimes.length > 5,
      ),
    {
      withinMs: 15_000,
      saw: () => watches.map(({ name, nodes, feeds }) => [name, nodes, feeds.at(-1)?.reason]),
    },
  );
}

/** Resolves when all clients are connected and get ticks. */
async function untilAllBack({ watches }: LocalHome): Promise<void> {
  await until(() => watches.every((watch) => watch.isLive()), { withinMs: 20_000 });
  await ticksAgain(watches, 15_000);
}

/** The leading worker, and the clients of the others. */
async function leaderOf({ cluster, watches, url }: LocalHome) {
  const node = await until(async () => (await healthOf(url)).leader.node);
  const others = watches.filter(({ nodes }) => nodes.at(-1) !== node);
  return { pid: cluster.pidOf(node) ?? NaN, others };
}

/** A zombie that nobody reaps does not run. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** The processes of the workers that have clients. */
const workersOf = ({ cluster, watches }: LocalHome): number[] =>
  [...new Set(watches.map(({ nodes }) => nodes.at(-1) ?? ''))].map((node) => cluster.pidOf(node) ?? NaN);

/** Six of our stream and three stock clients, all live; `run` hurts the home and asserts the row's own numbers. */
function onHome(
  run: (home: LocalHome, measure: Measure) => Promise<void>,
): (measure: Measure) => Promise<void> {
  return async (measure) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const home = { cluster: await start(port), watches: [], book: createPayloadBook(), port, url };
    const { watches, book }: LocalHome = home;
    onTestFinished(() => watches.forEach((watch) => watch.close()));
    await untilAllWork(home);
    await join(home, 6, 'stream');
    await join(home, 3, 'stock');
    await run(home, measure);
    // Nothing but the clients can be looked at from outside.
    expect(faultsSeen(watches, book)).toEqual([]);
  };
}

function expectNoLoss({ watches }: LocalHome, measure: Measure): void {
  const losses = lossesOf(watches);
  measure(`lost: ${losses.length}`);
  expect(losses).toEqual([]);
}

describe('the local home', () => {
  faultRow(
    { fault: 'local: leading worker kill -9, twice', promise: 'ticks again within TTL + 1 s, 0 lost' },
    onHome(async (home, measure) => {
      const pauses: number[] = [];
      for (let round = 0; round < 2; round++) {
        const { pid, others } = await leaderOf(home);
        const from = performance.now();
        process.kill(pid, 'SIGKILL');
        await ticksAgain(others, 15_000);
        await pass(300);
        pauses.push(pauseOf(others, from));
        await untilAllBack(home);
        await untilAllWork(home);
        // Those of the killed one are with the two others now, perhaps all with the next leader.
        await join(home, workers, 'stream');
      }
      measure(`longest pause ${shown(Math.max(...pauses))}`);
      expectNoLoss(home, measure);
      expect(Math.max(...pauses)).toBeLessThan(ttlMs + 1_000);
    }),
  );

  faultRow(
    {
      fault: 'local: leading worker frozen',
      promise:
        'ticks again within TTL + 1 s, killed after 5 s and forked again, its clients elsewhere, 0 stale',
    },
    onHome(async (home, measure) => {
      const { pid, others } = await leaderOf(home);
      const from = performance.now();
      process.kill(pid, 'SIGSTOP');
      await ticksAgain(others, 15_000);
      const pauseMs = pauseOf(others, from);
      await until(() => !isRunning(pid), { withinMs: 10_000 });
      const killedMs = performance.now() - from;
      await untilAllBack(home);
      measure(`pause ${shown(pauseMs)}, killed after ${shown(killedMs)}`);
      expectNoLoss(home, measure);
      expect(pauseMs).toBeLessThan(ttlMs + 1_000);
      expect(killedMs).toBeLessThan(7_000);
    }),
  );

  faultRow(
    {
      fault: 'local: primary frozen for 4 s',
      promise: 'stale at clients within 3.5 s, live within 1.5 s of its return, no worker lost, 0 lost',
    },
    onHome(async (home, measure) => {
      const pids = workersOf(home);
      const from = performance.now();
      process.kill(home.cluster.pid, 'SIGSTOP');
      const onTime = feedReached(home.watches, 'stale', from, 4_000).catch(() => Infinity);
      await pass(4_000);
      process.kill(home.cluster.pid, 'SIGCONT');
      const back = performance.now();
      const staleMs = await onTime;
      const liveMs = await feedReached(home.watches, 'live', back, 10_000);
      await ticksAgain(home.watches, 15_000);
      measure(`stale after ${shown(staleMs)}, live ${shown(liveMs)} after its return`);
      expectNoLoss(home, measure);
      expect(pids.filter(isRunning)).toEqual(pids);
      expect(staleMs).toBeLessThan(3_500);
      expect(liveMs).toBeLessThan(1_500);
    }),
  );

  faultRow(
    {
      fault: 'local: primary kill -9, started again',
      promise: 'its workers end within 2 s; all back in a new generation within 10 s of its start',
    },
    onHome(async (home, measure) => {
      const pids = workersOf(home);
      const from = performance.now();
      process.kill(home.cluster.pid, 'SIGKILL');
      await home.cluster.exitCode;
      await until(() => !pids.some(isRunning));
      const endedMs = performance.now() - from;
      await start(home.port);
      const back = performance.now();
      await untilAllBack(home);
      const backMs = performance.now() - back;
      measure(`workers ended after ${shown(endedMs)}, all back ${shown(backMs)} after its start`);
      expect(endedMs).toBeLessThan(2_000);
      expect(backMs).toBeLessThan(10_000);
      for (const { kind, check } of home.watches)
        if (kind === 'stream') expect(check.counts().generations).toBeGreaterThan(0);
    }),
  );
});
