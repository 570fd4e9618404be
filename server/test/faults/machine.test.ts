/** What the machine runs out of: somebody who reads the log, room for it, file descriptors. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { healthOf } from '../cluster/cluster-under-test.ts';
import { startFaultCluster, type FaultCluster } from './fault-cluster.ts';
import { faultRow, shown, type Measure } from './fault-row.ts';
import { figureOf, lossesOf, pauseOf } from './measures.ts';

/** Whether a file system of a few kilobytes can be mounted here. */
const canMount = ((): boolean => {
  try {
    const folder = mkdtempSync(join(tmpdir(), 'tickwire-mount-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tickwire', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
    return true;
  } catch {
    return false;
  }
})();

/** Calls that the replica logs, so that it has something to write. */
async function makeItLog({ replicas }: FaultCluster, calls: number): Promise<void> {
  for (let index = 0; index < calls; index++)
    await Promise.all(
      replicas.map(({ url }) => fetch(`${url}/api/ticks?symbols=AAPL`).then((answer) => answer.text())),
    );
}

/** Runs a while with logs going nowhere, and shows that nobody noticed but the figures. */
async function serveOn(cluster: FaultCluster, measure: Measure): Promise<void> {
  const pids = cluster.replicas.map(({ pid }) => pid);
  const from = performance.now();
  await makeItLog(cluster, 300);
  await pass(1_000);
  const pauseMs = pauseOf(cluster.watches, from);
  const losses = lossesOf(cluster.watches);
  const dropped = await Promise.all(
    cluster.replicas.map(({ url }) => figureOf(url, 'tickwire_log_lines_dropped_total')),
  );
  measure(
    `300 logged calls each: longest pause ${shown(pauseMs)}; lost: ${losses.length}; log lines dropped, at least ${Math.min(...dropped)} each`,
  );
  await cluster.expectSound();
  expect(Math.min(...dropped)).toBeGreaterThan(0);
  expect(pauseMs).toBeLessThan(1_000);
  expect(losses).toEqual([]);
  expect(cluster.replicas.every((replica) => replica.running())).toBe(true);
  expect(cluster.replicas.map(({ pid }) => pid)).toEqual(pids);
}

describe('the machine', () => {
  faultRow(
    { fault: 'standard output closed by its reader', promise: 'service unaffected, drops counted' },
    async (measure) => {
      const cluster = await startFaultCluster({
        env: { LOG_LEVEL: 'debug', LOG_MAX_PER_SECOND: '0' },
        launchOf: () => ({ wrap: ['bash', '-c', 'exec "$@" > >(exec head -c 4000 >/dev/null)', 'bash'] }),
      });
      await cluster.watchAll();
      await serveOn(cluster, measure);
    },
  );

  faultRow(
    {
      fault: 'log disk full (64 KB)',
      promise: 'service unaffected, drops counted',
      skip: canMount ? null : 'no file system can be mounted on this machine',
    },
    async (measure) => {
      const folder = mkdtempSync(join(tmpdir(), 'tickwire-full-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tickwire', folder]);
      onTestFinished(() => {
        execFileSync('umount', ['-l', folder]);
        rmSync(folder, { recursive: true });
      });
      const cluster = await startFaultCluster({
        env: { LOG_LEVEL: 'debug', LOG_MAX_PER_SECOND: '0' },
        launchOf: (node) => ({
          wrap: ['sh', '-c', 'file=$1; shift; exec "$@" >>"$file"', 'sh', join(folder, `${node}.log`)],
        }),
      });
      await cluster.watchAll();
      const { bfree, bsize } = statfsSync(folder);
      writeFileSync(join(folder, 'filler'), Buffer.alloc(bfree * bsize));
      expect(statfsSync(folder).bfree).toBe(0);
      await serveOn(cluster, measure);
    },
  );

  faultRow(
    {
      fault: 'out of file descriptors for 3 s',
      promise: 'counted; living sockets keep going, new ones are accepted again afterwards, no crash',
    },
    async (measure) => {
      const cluster = await startFaultCluster();
      await cluster.watchAll();
      const [victim] = await cluster.followers();
      if (victim === undefined) throw new Error('no follower');
      const own = cluster.watchesAt(victim.node);
      const descriptors = readdirSync(`/proc/${victim.pid}/fd`).length;
      const limit = (soft: number): void =>
        void execFileSync('prlimit', ['--pid', String(victim.pid), `--nofile=${soft}:`]);
      const from = performance.now();
      limit(descriptors + 2);
      const sockets: Socket[] = [];
      onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
      // Again and again, since what the replica closes meanwhile is free.
      for (let round = 0; round < 30; round++) {
        for (let count = 0; count < 5; count++)
          sockets.push(connect(victim.port, victim.host).on('error', () => {}));
        await pass(100);
      }
      const pauseMs = pauseOf(own, from);
      limit(4_096);
      for (const socket of sockets) socket.destroy();
      const back = performance.now();
      let isBack = false;
      while (!isBack && performance.now() - back < 5_000)
        isBack = (await healthOf(victim.url).catch(() => null))?.node === victim.node;
      const backMs = performance.now() - back;
      const counted = await figureOf(victim.url, 'tickwire_accept_errors_total');
      measure(
        `counted: ${counted}; living sockets' longest pause ${shown(pauseMs)}, answers again ${shown(backMs)} afterwards`,
      );
      cluster.watch({ name: 'late', url: victim.url });
      await cluster.ticksAgain();
      await cluster.expectSound();
      expect(isBack).toBe(true);
      expect(counted).toBeGreaterThan(0);
      expect(pauseMs).toBeLessThan(1_000);
      expect(backMs).toBeLessThan(2_000);
    },
  );
});
