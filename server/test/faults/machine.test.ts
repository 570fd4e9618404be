/** What the machine runs out of: somebody who reads the log, room for it, file descriptors. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statfsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { healthOf } from '../cluster/cluster-under-test.ts';
import { call, droppedLines, linesIn, startLogged } from '../support/processes/log-folder.ts';
import { createRecorder } from '../support/clients/recorder.ts';
import { canMount, fillDisk, mountDisk } from '../support/processes/small-disk.ts';
import { until } from '../support/until.ts';
import type { FaultCluster } from './fault-cluster.ts';
import { faultRow, shown, type Measure } from './fault-row.ts';
import { figureOf, pauseOf } from './measures.ts';
import { onCluster } from './on-cluster.ts';

const loud = { LOG_LEVEL: 'debug', LOG_MAX_PER_SECOND: '0' };
const promise = 'service unaffected, drops counted';

/** Makes replicas log while their logs go nowhere, and shows that only the metrics noticed. */
async function serveOn(cluster: FaultCluster, measure: Measure): Promise<void> {
  const pids = cluster.replicas.map(({ pid }) => pid);
  const from = performance.now();
  for (const { url } of cluster.replicas) await call(`${url}/api/ticks?symbols=AAPL`, 300, 200);
  await pass(1_000);
  const pauseMs = pauseOf(cluster.watches, from);
  const dropped = await Promise.all(
    cluster.replicas.map(({ url }) => figureOf(url, 'tickwire_log_lines_dropped_total')),
  );
  measure(
    `300 logged calls each: longest pause ${shown(pauseMs)}; log lines dropped, at least ${Math.min(...dropped)} each`,
  );
  expect(Math.min(...dropped)).toBeGreaterThan(0);
  expect(pauseMs).toBeLessThan(1_000);
  expect(cluster.replicas.every((replica) => replica.running())).toBe(true);
  expect(cluster.replicas.map(({ pid }) => pid)).toEqual(pids);
}

describe('the machine', () => {
  faultRow(
    {
      fault: 'standard output closed by its reader',
      promise,
    },
    onCluster(
      {
        env: loud,
        launchOf: () => ({ wrap: ['bash', '-c', 'exec "$@" > >(exec head -c 4000 >/dev/null)', 'bash'] }),
      },
      serveOn,
    ),
  );

  let disk = '';

  faultRow(
    {
      fault: 'log disk full (64 KB)',
      promise,
      skip: canMount ? null : 'no file system can be mounted on this machine',
    },
    onCluster(
      {
        env: loud,
        launchOf: (node) => {
          disk ||= mountDisk(64);
          const file = join(disk, `${node}.log`);
          return { wrap: ['sh', '-c', 'file=$1; shift; exec "$@" >>"$file"', 'sh', file] };
        },
      },
      async (cluster, measure) => {
        fillDisk(disk);
        expect(statfsSync(disk).bfree).toBe(0);
        await serveOn(cluster, measure);
      },
    ),
  );

  it.skipIf(!canMount)(
    'the log files on a full disk lose and count lines while prices go on, and continue when there is room',
    async () => {
      const folder = mountDisk(128);
      const cluster = await startLogged(folder, { LOG_MAX_PER_SECOND: '0' });
      fillDisk(folder);
      const client = createRecorder(cluster.url, { transports: ['websocket'] });
      onTestFinished(() => client.close());
      client.follow(['BTC-USD']);
      await until(
        async () => {
          await call(`${cluster.url}api/nope`, 20, 404);
          return (await droppedLines(cluster)) >= 100;
        },
        { withinMs: 10_000 },
      );
      const seen = client.ticks().length;
      await until(() => client.ticks().length >= seen + 20);
      expect(client.faults()).toEqual([]);
      // Only whole lines, also while the disk is full.
      linesIn(folder);

      rmSync(join(folder, 'filler'));
      const lost = await droppedLines(cluster);
      await call(`${cluster.url}api/again`, 1, 404);
      await until(() => linesIn(folder).some(({ req }) => req?.path === '/api/again'));
      expect(await droppedLines(cluster)).toBe(lost);
      await cluster.close();
      expect(await cluster.exitCode).toBe(0);
    },
  );

  faultRow(
    {
      fault: 'out of file descriptors for 3 s',
      promise: 'counted; living sockets keep going, new ones are accepted again afterwards, no crash',
    },
    onCluster({ mayLose: true }, async (cluster, measure) => {
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
      await until(async () => (await healthOf(victim.url).catch(() => null))?.node === victim.node);
      const backMs = performance.now() - back;
      const counted = await figureOf(victim.url, 'tickwire_accept_errors_total');
      measure(
        `counted: ${counted}; living sockets' longest pause ${shown(pauseMs)}, answers again ${shown(backMs)} afterwards`,
      );
      cluster.watch({ name: 'late', url: victim.url });
      await cluster.ticksAgain();
      expect(counted).toBeGreaterThan(0);
      expect(pauseMs).toBeLessThan(1_000);
      expect(backMs).toBeLessThan(2_000);
    }),
  );
});
