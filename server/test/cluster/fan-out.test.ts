/** One leader's ticks at clients of every kind on every replica. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { createStream } from '../../../client/src/stream/index.ts';
import type { Tick } from '../../protocol/index.ts';
import { createOrderCheck } from '../support/checks/order.ts';
import { createPlainClient } from '../support/clients/plain-client.ts';
import { sharedCluster } from '../support/shared-cluster.ts';
import { until } from '../support/until.ts';

const symbols = ['BTC-USD', 'AAPL', 'EUR-USD'];
const ticksOfEach = 40;

describe('room emits across replicas', () => {
  it('[W2][F1][PW5] stock clients, our streams and plain streams on all replicas and through Nginx get every seq exactly once, and plain ones resume at another replica', async () => {
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
    const path = `/stream?symbols=${symbols.join(',')}`;
    const openPlain = (url: string, query: string) => {
      const client = createPlainClient(url, query);
      onTestFinished(() => client.close());
      // A message of a plain stream is the payload with a type.
      const payloads = () =>
        client.of<Tick & { type: string }>('tick').map(({ type: _type, ...tick }): Tick => tick);
      return { client, ticks: payloads, faults: client.faults };
    };
    const plain = urls.map((url) => openPlain(url, path));
    const everyone = [...stock, ...ours, ...plain];
    await until(() => everyone.every(({ ticks }) => ticks().length >= symbols.length * ticksOfEach), {
      withinMs: 20_000,
      saw: () => everyone.map(({ ticks }) => ticks().length),
    });

    const [moved] = plain;
    moved?.client.close();
    const last = [...new Map(moved?.ticks().map((tick) => [tick.symbol, tick])).values()];
    const since = last.map(({ symbol, gen, seq }) => `${symbol}:${gen}:${seq}`).join();
    const back = openPlain(urls[1] ?? '', `${path}&since=${since}`);
    await back.client.seen('tick', 30, 20_000);
    expect(back.client.of('quote')).toEqual([]);
    const order = createOrderCheck();
    order.placed(last);
    for (const tick of back.ticks()) order.arrived(tick);

    expect([order, ...everyone].flatMap(({ faults }) => faults())).toEqual([]);
    const payloads = new Map<string, string>();
    const prices = new Map<string, string>();
    for (const tick of [...everyone, back].flatMap(({ ticks }) => ticks())) {
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
