/** The local home: its primary and its workers killed, frozen and restarted. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { guard } from '../../../scripts/lib/guard.mjs';
import { healthOf } from '../cluster/cluster-under-test.ts';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/embedded-cluster.ts';
import { createPayloadBook, type PayloadBook } from '../support/payload-book.ts';
import { until } from '../support/until.ts';
import { createWatch, type Watch } from '../support/watch.ts';
import { ttlMs } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { feedReached, lossesOf, pauseOf } from './measures.ts';

const workers = 3;
const env = { UPDATE_INTERVAL: '50', FEEDS: 'simulator:BTC-USD,AAPL', WORKERS: String(workers) };

interface LocalHome {
  cluster: EmbeddedCluster;
  watches: Watch[];
  book: PayloadBook;
  port: number;
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

/** Six of our stream and three stock clients, all live. */
async function startHome(): Promise<LocalHome> {
  const port = await freePort();
  const home: LocalHome = { cluster: await start(port), watches: [], book: createPayloadBook(), port };
  onTestFinished(() => home.watches.forEach((watch) => watch.close()));
  await untilAllWork(home);
  await join(home, 6, 'stream');
  await join(home, 3, 'stock');
  return home;
}

/** It listens as soon as its first worker is there. */
async function untilAllWork({ port }: LocalHome): Promise<void> {
  const ready = new Set<string>();
  await until(async () => ready.add((await healthOf(`http://127.0.0.1:${port}`)).node).size === workers, {
    withinMs: 15_000,
  });
}

/** More clients, one worker after the other; resolves when all there are, are live. */
async function join({ watches, book, port }: LocalHome, count: number, kind: Watch['kind']): Promise<void> {
  const url = `http://127.0.0.1:${port}`;
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

async function leaderOf({ port }: LocalHome): Promise<string> {
  return until(async () => (await healthOf(`http://127.0.0.1:${port}`)).leader.node);
}

async function ticksAgain(watches: readonly Watch[], withinMs = 15_000): Promise<void> {
  const counts = watches.map(({ tickTimes }) => tickTimes.length);
  await until(() => watches.every(({ tickTimes }, index) => tickTimes.length > (counts[index] ?? 0)), {
    withinMs,
  });
}

/** I2 and I3; nothing but the clients can be looked at from outside. */
function expectSound({ watches, book }: LocalHome): void {
  expect(watches.flatMap(({ name, check }) => check.faults().map((text) => `${name}: ${text}`))).toEqual([]);
  expect(book.conflicts()).toEqual([]);
}

/** A zombie that nobody reaps does not run. */
function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** Ends the primary by that signal; gives its exit code. */
function end({ pid, exitCode }: EmbeddedCluster, signal: NodeJS.Signals): Promise<number | null> {
  process.kill(pid, signal);
  return exitCode;
}

function pidOf({ cluster }: LocalHome, node: string): number {
  const pid = cluster.pidOf(node);
  if (pid === null) throw new Error(`${node} does not run`);
  return pid;
}

const nodesOf = (watches: readonly Watch[]): string[] => [
  ...new Set(watches.map(({ nodes }) => nodes.at(-1) ?? '')),
];

describe('the local home', () => {
  faultRow(
    { fault: 'local: leading worker kill -9, twice', promise: 'ticks again within TTL + 1 s, 0 lost' },
    async (measure) => {
      const home = await startHome();
      const pauses: number[] = [];
      for (let round = 0; round < 2; round++) {
        const leader = await leaderOf(home);
        const others = home.watches.filter(({ nodes }) => nodes.at(-1) !== leader);
        const from = performance.now();
        home.cluster.kill(leader);
        await ticksAgain(others);
        await pass(300);
        pauses.push(pauseOf(others, from));
        await until(() => home.watches.every((watch) => watch.isLive()), { withinMs: 15_000 });
        await ticksAgain(home.watches);
        await untilAllWork(home);
        // Those of the killed one are with the two others now, perhaps all with the next leader.
        await join(home, workers, 'stream');
      }
      const losses = lossesOf(home.watches);
      measure(`longest pause ${shown(Math.max(...pauses))}; lost: ${losses.length}`);
      expectSound(home);
      expect(Math.max(...pauses)).toBeLessThan(ttlMs + 1_000);
      expect(losses).toEqual([]);
    },
  );

  faultRow(
    {
      fault: 'local: leading worker frozen',
      promise:
        'ticks again within TTL + 1 s, killed after 5 s and forked again, its clients elsewhere, 0 stale',
    },
    async (measure) => {
      const home = await startHome();
      const leader = await leaderOf(home);
      const pid = pidOf(home, leader);
      const others = home.watches.filter(({ nodes }) => nodes.at(-1) !== leader);
      const from = performance.now();
      process.kill(pid, 'SIGSTOP');
      await ticksAgain(others);
      const pauseMs = pauseOf(others, from);
      await until(() => !isRunning(pid), { withinMs: 10_000 });
      const killedMs = performance.now() - from;
      await until(() => home.watches.every((watch) => watch.isLive()), { withinMs: 20_000 });
      await ticksAgain(home.watches);
      const losses = lossesOf(home.watches);
      measure(`pause ${shown(pauseMs)}, killed after ${shown(killedMs)}; lost: ${losses.length}`);
      expectSound(home);
      expect(pauseMs).toBeLessThan(ttlMs + 1_000);
      expect(killedMs).toBeLessThan(7_000);
      expect(losses).toEqual([]);
    },
  );

  faultRow(
    {
      fault: 'local: primary frozen for 4 s',
      promise: 'stale at clients within 3.5 s, live within 1.5 s of its return, no worker lost, 0 lost',
    },
    async (measure) => {
      const home = await startHome();
      const pids = nodesOf(home.watches).map((node) => pidOf(home, node));
      const from = performance.now();
      process.kill(home.cluster.pid, 'SIGSTOP');
      const onTime = feedReached(home.watches, 'stale', from, 4_000).catch(() => Infinity);
      await pass(4_000);
      process.kill(home.cluster.pid, 'SIGCONT');
      const back = performance.now();
      const staleMs = await onTime;
      const liveMs = await feedReached(home.watches, 'live', back, 10_000);
      await ticksAgain(home.watches);
      const losses = lossesOf(home.watches);
      measure(
        `stale after ${shown(staleMs)}, live ${shown(liveMs)} after its return; lost: ${losses.length}`,
      );
      expectSound(home);
      expect(pids.filter(isRunning)).toEqual(pids);
      expect(staleMs).toBeLessThan(3_500);
      expect(liveMs).toBeLessThan(1_500);
      expect(losses).toEqual([]);
    },
  );

  faultRow(
    {
      fault: 'local: primary kill -9, started again',
      promise: 'its workers end within 2 s; all back in a new generation within 10 s of its start',
    },
    async (measure) => {
      const home = await startHome();
      const pids = nodesOf(home.watches).map((node) => pidOf(home, node));
      const from = performance.now();
      await end(home.cluster, 'SIGKILL');
      await until(() => !pids.some(isRunning), { withinMs: 5_000 });
      const endedMs = performance.now() - from;
      await start(home.port);
      const back = performance.now();
      await until(() => home.watches.every((watch) => watch.isLive()), { withinMs: 20_000 });
      await ticksAgain(home.watches);
      const backMs = performance.now() - back;
      measure(`workers ended after ${shown(endedMs)}, all back ${shown(backMs)} after its start`);
      expectSound(home);
      expect(endedMs).toBeLessThan(2_000);
      expect(backMs).toBeLessThan(10_000);
      for (const { kind, check } of home.watches)
        if (kind === 'stream') expect(check.counts().generations).toBeGreaterThan(0);
    },
  );

  faultRow(
    { fault: 'local: SIGTERM, then started again', promise: 'exit 0 within 10 s, no process left, all back' },
    async (measure) => {
      const home = await startHome();
      const pids = nodesOf(home.watches).map((node) => pidOf(home, node));
      const from = performance.now();
      const code = await end(home.cluster, 'SIGTERM');
      const endedMs = performance.now() - from;
      expect(pids.filter(isRunning)).toEqual([]);
      await start(home.port);
      await until(() => home.watches.every((watch) => watch.isLive()), { withinMs: 20_000 });
      await ticksAgain(home.watches);
      measure(`ended after ${shown(endedMs)} with code ${code}`);
      expectSound(home);
      expect(code).toBe(0);
      expect(endedMs).toBeLessThan(10_000);
    },
  );
});
