/** The quick part of `npm run test:faults`: one row of each kind of fault, with all invariants. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startFaultCluster } from '../faults/fault-cluster.ts';
import { feedReached, figureOf, lossesOf, onlyFence, pauseOf, shortTtlMs } from '../faults/measures.ts';
import { until } from '../support/until.ts';
import { healthOf } from './cluster-under-test.ts';

describe('faults', () => {
  it('[LD2][W2] a leader that was frozen, and does not know it, tells nothing old and follows', async () => {
    const cluster = await startFaultCluster({ env: onlyFence });
    await cluster.watchAll();
    const leader = await cluster.leader();
    await leader.kill('SIGSTOP');
    await pass(2 * shortTtlMs);
    await leader.kill('SIGCONT');
    await until(async () => !(await healthOf(leader.url)).leader.me, { withinMs: 1_000 });
    await cluster.ticksAgain();
    await cluster.expectSound();
    expect(await figureOf(leader.url, 'tickwire_refusals_total', 'epoch')).toBeGreaterThan(0);
  });

  it('[SQ4] a store that was emptied begins a new generation, and every client follows', async () => {
    const cluster = await startFaultCluster();
    await cluster.watchAll();
    await cluster.store.client.flushAll();
    await cluster.ticksAgain();
    await cluster.expectSound();
    expect(cluster.store.generations()).toHaveLength(2);
  });

  it('[FR2] a replica that lost Redis says stale, the others go on, and it repairs itself', async () => {
    const cluster = await startFaultCluster({ proxied: true });
    await cluster.watchAll();
    const [victim] = await cluster.followers();
    const own = cluster.watchesAt(victim?.node ?? '');
    const others = cluster.watches.filter((watch) => !own.includes(watch));
    const proxy = cluster.proxies.get(victim?.node ?? '');
    const from = performance.now();
    proxy?.suffer('both', { passing: 'hold' });
    expect(await feedReached(own, 'stale', from, 6_000)).toBeLessThan(3_500);
    expect(pauseOf(others, from)).toBeLessThan(1_000);
    proxy?.heal();
    await feedReached(own, 'live', performance.now(), 5_000);
    await cluster.ticksAgain();
    await cluster.expectSound();
    expect(lossesOf(cluster.watches)).toEqual([]);
  });
});
