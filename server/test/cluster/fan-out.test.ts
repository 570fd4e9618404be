import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createStream } from '../../../client/src/stream/index.ts';
import type { Tick } from '../../protocol/index.ts';
import { createOrderCheck } from '../support/order.ts';
import { until } from '../support/until.ts';
import { startClusterUnderTest } from './cluster-under-test.ts';

const symbols = ['BTC-USD', 'AAPL', 'EUR-USD'];
const holdMs = 20_000;

/** What one client saw, whichever library it used. */
interface Seen {
  ticks: Tick[];
  faults: () => string[];
  node: () => string | undefined;
}

describe('room emits across replicas', () => {
  it(
    '[W2][F1] 60 clients of one address, spread over three replicas, get every seq exactly once for 20 s',
    { timeout: 90_000 },
    async () => {
      const cluster = await startClusterUnderTest();

      const stock: Seen[] = Array.from({ length: 30 }, () => {
        const client = cluster.connect({ transports: ['websocket'] });
        client.follow(symbols);
        return {
          get ticks() {
            return client.ticks();
          },
          faults: client.faults,
          node: () => client.hellos().at(-1)?.node,
        };
      });
      const ours: Seen[] = Array.from({ length: 30 }, () => {
        const order = createOrderCheck();
        const ticks: Tick[] = [];
        let node: string | undefined;
        const stream = createStream({
          url: cluster.url,
          onHello: (hello) => (node = hello.node),
          onSnapshot: (quotes) => order.placed(quotes),
          onTick: (tick) => {
            order.arrived(tick);
            ticks.push(tick);
          },
        });
        stream.subscribe(symbols);
        onTestFinished(() => stream.close());
        return { ticks, faults: order.faults, node: () => node };
      });
      const everyone = [...stock, ...ours];
      await until(() => everyone.every(({ ticks }) => ticks.length >= symbols.length), {
        withinMs: 20_000,
        saw: () => everyone.map(({ ticks }) => ticks.length),
      });

      // What is held is time itself: the ticks of twenty seconds.
      await delay(holdMs);
      const heads = new Map(everyone[0]?.ticks.map((tick) => [tick.symbol, tick.seq]));
      await until(() =>
        everyone.every(({ ticks }) =>
          [...heads].every(([symbol, seq]) =>
            ticks.some((tick) => tick.symbol === symbol && tick.seq >= seq),
          ),
        ),
      );

      expect(everyone.flatMap(({ faults }) => faults())).toEqual([]);
      for (const group of [stock, ours]) expect(new Set(group.map(({ node }) => node())).size).toBe(3);
      const payloads = new Map<string, string>();
      const prices = new Map<string, Set<string>>();
      for (const { ticks } of everyone) {
        for (const tick of ticks) {
          const key = `${tick.gen} ${tick.symbol} ${tick.seq}`;
          prices.set(key, (prices.get(key) ?? new Set()).add(tick.price));
          // Where a client is not asking yet, several become one, which stands for more than its name [SL2].
          if (tick.merged !== undefined) continue;
          const payload = JSON.stringify(tick);
          expect(payloads.get(key) ?? payload).toBe(payload);
          payloads.set(key, payload);
        }
        expect(ticks.length).toBeGreaterThan((holdMs / 100) * symbols.length * 0.8);
      }
      expect([...prices].filter(([, { size }]) => size > 1)).toEqual([]);
    },
  );
});
