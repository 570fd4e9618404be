/** What a row does to replicas with watched clients: starts them, and asserts afterwards what every row promises. */
import { expect } from 'vitest';
import { startFaultCluster, type FaultCluster, type FaultClusterOptions } from './fault-cluster.ts';
import type { Measure } from './fault-row.ts';
import { lossesOf } from './measures.ts';

export interface OnClusterOptions extends FaultClusterOptions {
  /** Whether clients may lose ticks, if each loss is reported to them. */
  mayLose?: boolean;
}

/** `run` hurts the cluster, waits until it is well again, and asserts the row's own numbers. */
export function onCluster(
  { mayLose = false, ...options }: OnClusterOptions,
  run: (cluster: FaultCluster, measure: Measure) => Promise<void>,
): (measure: Measure) => Promise<void> {
  return async (measure) => {
    const cluster = await startFaultCluster(options);
    await cluster.watchAll();
    await run(cluster, measure);
    const losses = mayLose ? [] : lossesOf(cluster.watches);
    if (!mayLose) measure(`lost: ${losses.length}`);
    await cluster.expectSound();
    expect(losses).toEqual([]);
  };
}
