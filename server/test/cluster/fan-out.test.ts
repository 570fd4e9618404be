/** One leader's ticks at clients of both libraries on every replica. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { createStream } from '../../../client/src/stream/index.ts';
import type { Tick } from '../../protocol/index.ts';
import { createOrderCheck } from '../support/order.ts';
import { sharedCluster } from '../support/shared-cluster.ts';
import { until } from '../support/until.ts';

const symbols = ['BTC-USD', 'AAPL', 'EUR-USD'];
const ticksOfEach = 40;

describe('room emits across replicas', () => {
  it('[W2][F1] stock clients and our streams on all replicas and through Nginx get every seq exactly once', async () => {
    const cluster = sharedCluster();
    const urls = [...cluster.replicas.map(({ url }) => url), cluster.url];
    const stock = [...urls, ...urls].map((url) => {
      const client = cluster.connect({ transports: ['websocket'] }, url);
      client.follow(symbols);
      return { ticks: () => client.ticks(), faults: client.faults };
    });
    const ours = [...urls, ...urls].map((url) => {
      const order = createOrderCheck();
      const ticks: Tick[] = [];
      const stream = createStream({
        url,
        onSnapshot: (quotes) => order.placed(quotes),
        onTick: (tick) => {
          order.arrived(tick);
          ticks.push(tick);
        },
      });
      stream.subscribe(symbols);
      onTestFinished(() => stream.close());
      return { ticks: () => ticks, faults: order.faults };
    });
    const everyone = [...stock, ...ours];
    await until(() => everyone.every(({ ticks }) => ticks().length >= symbols.length * ticksOfEach), {
      withinMs: 20_000,
      saw: () => everyone.map(({ ticks }) => ticks().length),
    });

    expect(everyone.flatMap(({ faults }) => faults())).toEqual([]);
    const payloads = new Map<string, string>();
    const prices = new Map<string, string>();
    for (const tick of everyone.flatMap(({ ticks }) => ticks())) {
      const key = `${tick.gen} ${tick.symbol} ${tick.seq}`;
      expect([key, tick.price]).toEqual([key, prices.get(key) ?? tick.price]);
      prices.set(key, tick.price);
      // A tick that waits while its client joins may be merged with others, and its payload differs then [SL2].
      if (tick.merged !== undefined) continue;
      const payload = JSON.stringify(tick);
      expect(payload).toBe(payloads.get(key) ?? payload);
      payloads.set(key, payload);
    }
  });
});
