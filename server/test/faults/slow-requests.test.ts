/** Connections that say next to nothing, or nothing at all, five hundred of each kind at once. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { startChild } from '../support/processes/start-child.ts';
import type { FaultCluster } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { pauseOf } from './measures.ts';
import { onCluster } from './on-cluster.ts';

const each = 500;
/** Longer than the ten seconds that Nginx waits for a header. */
const lastsS = 12;

const kinds: readonly (readonly [flags: readonly string[], path: string])[] = [
  // Headers that never end, a byte or so each second.
  [['-H', '-i', '1', '-x', '8'], '/'],
  // A body that never ends.
  [['-B', '-i', '1', '-x', '8', '-s', '8192', '-f', 'application/json'], '/api/message'],
];

/** Connections of that port which are open now, as the machine counts them. */
function openAt(port: number): number {
  const own = new RegExp(`: \\w+:${port.toString(16).toUpperCase().padStart(4, '0')} \\S+ 01 `, 'g');
  return [...readFileSync('/proc/net/tcp', 'utf8').matchAll(own)].length;
}

/** Begins all of them; they end with the test. */
async function attack(url: string): Promise<void> {
  const sockets = Array.from({ length: each }, () =>
    connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {}),
  );
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  for (const [flags, path] of kinds) {
    const size = ['-c', String(each), '-r', String(each / 2), '-l', String(lastsS)];
    const child = await startChild({
      name: 'slowhttptest',
      command: 'slowhttptest',
      args: [...flags, ...size, '-u', url + path],
    });
    onTestFinished(() => child.kill('SIGKILL'));
  }
}

/** What honest people saw meanwhile: how many connections there were at most, and the longest wait for an answer. */
async function liveBeside(cluster: FaultCluster, port: number) {
  let [most, slowestMs] = [0, 0];
  const statuses = new Set<number>();
  const until = performance.now() + lastsS * 1_000;
  while (performance.now() < until) {
    most = Math.max(most, openAt(port));
    const askedAt = performance.now();
    const { status } = await fetch(`${cluster.url}/health`);
    statuses.add(status);
    slowestMs = Math.max(slowestMs, performance.now() - askedAt);
    await pass(100);
  }
  return { most, slowestMs, statuses: [...statuses] };
}

describe('slow requests', () => {
  for (const [where, portOf] of [
    ['Nginx', (cluster: FaultCluster) => cluster.port],
    ['a replica past Nginx', (cluster: FaultCluster) => cluster.replicas[0]?.port ?? 0],
  ] as const)
    faultRow(
      {
        fault: `slow headers, slow bodies and idle connections, ${each} of each at ${where} for ${lastsS} s`,
        promise: 'honest clients unaffected: none reconnects, pause at most 1 s, 0 lost, /health within 5 s',
      },
      onCluster({}, async (cluster, measure) => {
        const outages = (): number => cluster.watches.flatMap((watch) => watch.outages).length;
        const [before, from, port] = [outages(), performance.now(), portOf(cluster)];
        await attack(`http://127.0.0.1:${port}`);
        const { most, slowestMs, statuses } = await liveBeside(cluster, port);
        const pauseMs = pauseOf(cluster.watches, from);
        measure(
          `${most} connections at once; longest pause ${shown(pauseMs)}; /health within ${shown(slowestMs)}`,
        );
        // Without as many there was no attack; a replica answers a stranger's body before it has come.
        expect(most).toBeGreaterThan(2 * each);
        expect(outages()).toBe(before);
        expect(pauseMs).toBeLessThan(1_000);
        expect(statuses).toEqual([200]);
        expect(slowestMs).toBeLessThan(5_000);
      }),
    );
});
