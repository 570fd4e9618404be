/** Many clients over a longer time without any fault. */
import { setTimeout as pass } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startFaultCluster } from './fault-cluster.ts';
import { lossesOf, pauseOf } from './measures.ts';

const holdMs = 20_000;

it('[W2][F1] 60 clients of one address, spread over three replicas, get every seq exactly once for 20 s', async () => {
  const cluster = await startFaultCluster();
  for (let n = 1; n <= 30; n++) {
    cluster.watch({ name: `stream${n}@nginx` });
    cluster.watch({ name: `stock${n}@nginx`, kind: 'stock', transports: ['websocket'] });
  }
  await cluster.allLive();
  await cluster.ticksAgain();
  const from = performance.now();
  await pass(holdMs);
  for (const kind of ['stream', 'stock']) {
    const nodes = cluster.watches.filter((watch) => watch.kind === kind).flatMap((watch) => watch.nodes);
    expect(new Set(nodes).size).toBe(3);
    // No client had to reconnect.
    expect(nodes).toHaveLength(30);
  }
  expect(pauseOf(cluster.watches, from)).toBeLessThan(1_000);
  await cluster.expectSound();
  expect(lossesOf(cluster.watches)).toEqual([]);
});
