/** A row that ends one leader after another under watch. */
import { setTimeout as pass } from 'node:timers/promises';
import { expect } from 'vitest';
import { faultRow, shown, type FaultRow } from './fault-row.ts';
import { part, pauseOf } from './measures.ts';
import { onCluster, type OnClusterOptions } from './on-cluster.ts';

/** How often the leader is ended: enough for a middle and a longest pause. */
export const rounds = 10;

export interface LeaderRow extends FaultRow {
  cluster?: OnClusterOptions;
  signal: 'SIGKILL' | 'SIGTERM';
  /** What clients of the other replicas are without ticks, at most. */
  maxPauseMs: number;
}

/** Ends the leader that often, and starts it again each time. */
export function leaderRow({ signal, maxPauseMs, cluster: options = {}, ...row }: LeaderRow): void {
  const run = onCluster(options, async (cluster, measure) => {
    const pauses: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const leader = await cluster.leader();
      const others = cluster.watchesBeside(leader.node);
      const from = performance.now();
      await leader.kill(signal);
      await cluster.ticksAgain({ of: others });
      await pass(300);
      pauses.push(pauseOf(others, from));
      await leader.restart();
      // Who may go elsewhere is back long before.
      const free = cluster.watches.filter(({ name }) => name.endsWith('@nginx'));
      await cluster.allLive({ withinMs: 5_000, of: free });
      await cluster.allLive();
      await cluster.ticksAgain();
    }
    measure(`pause p50 ${shown(part(pauses, 0.5))}, max ${shown(Math.max(...pauses))}`);
    expect(Math.max(...pauses)).toBeLessThan(maxPauseMs);
  });
  faultRow({ withinMs: 240_000, ...row }, run);
}
