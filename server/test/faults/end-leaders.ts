/** Ends one leader after another under watch: what the rows of its kills and of its drains share. */
import { setTimeout as pass } from 'node:timers/promises';
import type { FaultCluster } from './fault-cluster.ts';
import { shown } from './fault-row.ts';
import { pauseOf } from './measures.ts';

/** How often the leader is killed, and drained: enough for a middle and a longest pause. */
export const rounds = 6;

export const spreadOf = (pauses: readonly number[]): string =>
  `p50 ${shown(pauses.toSorted((a, b) => a - b)[pauses.length >> 1] ?? 0)}, max ${shown(Math.max(...pauses))}`;

/** Ends the leader that often, and starts it again; gives the pauses of clients of the other replicas. */
export async function endLeaders(cluster: FaultCluster, signal: 'SIGKILL' | 'SIGTERM'): Promise<number[]> {
  const pauses: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const leader = await cluster.leader();
    const others = cluster.watches.filter(({ nodes }) => nodes.at(-1) !== leader.node);
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
  return pauses;
}
