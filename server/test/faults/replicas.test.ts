/** Replicas frozen under clients, and signals that come twice. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { startCluster } from '../support/start-cluster.ts';
import { until } from '../support/until.ts';
import { crowdOf, faultsOf, untilAll } from './crowd-rows.ts';
import { apiKey, startFaultCluster } from './fault-cluster.ts';
import { faultRow, shown } from './fault-row.ts';
import { pauseOf } from './measures.ts';

describe('replicas', () => {
  faultRow(
    {
      fault: 'SIGSTOP replica for 12 s, SIGCONT (pings of 3 s and 3 s)',
      promise:
        'our stream leaves after 5 s, stock clients at their ping timeout (6 s); nothing old afterwards',
      withinMs: 120_000,
    },
    async (measure) => {
      const cluster = await startFaultCluster({ env: { PING_INTERVAL_MS: '3000', PING_TIMEOUT_MS: '3000' } });
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
      await pass(12_000);
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
      expect(stockMs).toBeLessThan(7_500);
      expect(othersMs).toBeLessThan(1_000);
    },
  );

  faultRow(
    {
      fault: 'a later second signal; Ctrl-C, which comes twice at once',
      promise: 'exit within 1 s of the second; one drain, exit 0',
    },
    async (measure) => {
      const ends: string[] = [];
      const cluster = await startCluster({
        replicas: 3,
        env: { API_KEYS: apiKey, DRAIN_MS: '3000' },
        onUnexpectedExit: ({ name }, how) => void ends.push(`${name} ${how}`),
      });
      onTestFinished(() => cluster.stop());
      const crowd = await crowdOf(cluster.url, 60);
      const [first, second] = cluster.replicas;
      if (first === undefined || second === undefined) throw new Error('no replicas');
      process.kill(first.pid, 'SIGINT');
      process.kill(first.pid, 'SIGINT');
      const drainFrom = performance.now();
      await until(() => ends.length === 1, { withinMs: 15_000 });
      const drainMs = performance.now() - drainFrom;
      expect(ends).toEqual(['replica r1 ended with code 0']);
      expect(first.logs().filter((line) => line.includes('"draining"')).length).toBe(1);

      process.kill(second.pid, 'SIGTERM');
      await pass(700);
      const from = performance.now();
      expect(ends).toHaveLength(1);
      process.kill(second.pid, 'SIGTERM');
      await until(() => ends.length === 2, { withinMs: 5_000 });
      const endMs = performance.now() - from;
      measure(`twice at once: drained in ${shown(drainMs)}, ${ends[0]}; later: ended after ${shown(endMs)}`);
      await untilAll(crowd, ({ isLive }) => isLive, 15_000);
      expect(await faultsOf(crowd)).toEqual([]);
      expect(endMs).toBeLessThan(1_000);
    },
  );
});
