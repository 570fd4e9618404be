/** A replica frozen under clients. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startFaultCluster } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { pauseOf } from './measures.ts';

describe('replicas', () => {
  faultRow(
    {
      fault: 'SIGSTOP replica for 30 s, SIGCONT (pings of 5 s and 5 s)',
      promise:
        'our stream leaves after 5 s, stock clients at their ping timeout (10 s); nothing old afterwards',
      withinMs: 120_000,
    },
    async (measure) => {
      const cluster = await startFaultCluster({ env: { PING_INTERVAL_MS: '5000', PING_TIMEOUT_MS: '5000' } });
      for (let index = 1; index <= 12; index++) {
        cluster.watch({ name: `stream${index}@nginx` });
        // On WebSocket alone they go anywhere; a stock polling client sticks to its address.
        cluster.watch({ name: `stock${index}@nginx`, kind: 'stock', transports: ['websocket'] });
      }
      await cluster.allLive();
      await cluster.ticksAgain();
      // A follower with clients of both kinds.
      const victim = (await cluster.followers()).find(
        ({ node }) => new Set(cluster.watchesAt(node).map(({ kind }) => kind)).size === 2,
      );
      if (victim === undefined) throw new Error('no follower has clients of both kinds');
      const own = cluster.watchesAt(victim.node);
      const others = cluster.watchesBeside(victim.node);
      const from = performance.now();
      await victim.kill('SIGSTOP');
      await pass(30_000);
      const othersMs = pauseOf(others, from);
      await victim.kill('SIGCONT');
      const left = (kind: string): number =>
        Math.max(
          ...own
            .filter((watch) => watch.kind === kind)
            .map(({ outages }) => (outages.find(({ lostAt }) => lostAt > from)?.lostAt ?? Infinity) - from),
        );
      const [streamMs, stockMs] = [left('stream'), left('stock')];
      const longestMs = pauseOf(own, from);
      await cluster.ticksAgain({ withinMs: 30_000 });
      await pass(1_000);
      measure(
        `${own.length} clients: ours left after ${shown(streamMs)}, stock ones after ${shown(stockMs)}; longest pause with tries at the frozen one ${shown(longestMs)}, of others ${shown(othersMs)}`,
      );
      await cluster.expectSound();
      expect(streamMs).toBeLessThan(6_500);
      expect(stockMs).toBeLessThan(11_500);
      expect(othersMs).toBeLessThan(1_000);
    },
  );
});
