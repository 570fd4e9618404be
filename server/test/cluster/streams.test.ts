/** Plain WebSockets over three replicas and through Nginx. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Tick } from '../../protocol/index.ts';
import { createPlainClient, type PlainClient } from '../support/plain-client.ts';
import { createOrderCheck } from '../support/order.ts';
import { sharedCluster } from '../support/shared-cluster.ts';

const symbols = ['BTC-USD', 'AAPL', 'EUR-USD'];

function openStream(url: string, path: string): PlainClient {
  const client = createPlainClient(url, path);
  onTestFinished(() => client.close());
  return client;
}

const keyOf = ({ gen, symbol, seq }: Tick): string => `${gen} ${symbol} ${seq}`;

describe('plain streams over a cluster', () => {
  it('[PW5][W2] on every replica get what Socket.IO clients get, and resume at another replica', async () => {
    const cluster = sharedCluster();
    const path = `/stream?symbols=${symbols.join(',')}`;
    const urls = [...cluster.replicas.map(({ url }) => url), cluster.url];
    const clients = urls.map((url) => openStream(url, path));
    const beside = cluster.connect({ transports: ['websocket'] });
    beside.follow(symbols);
    await Promise.all([...clients, beside].map((client) => client.seen('tick', 30, 20_000)));

    const [moved] = clients;
    moved?.close();
    const last = [...new Map((moved?.ticks() ?? []).map((tick) => [tick.symbol, tick])).values()];
    const since = last.map(({ symbol, gen, seq }) => `${symbol}:${gen}:${seq}`).join();
    const back = openStream(urls[1] ?? '', `${path}&since=${since}`);
    await back.seen('tick', 30, 20_000);
    expect(back.of('quote')).toEqual([]);
    const order = createOrderCheck();
    order.placed(last);
    for (const tick of back.ticks()) order.arrived(tick);
    expect([...order.faults(), ...[...clients, beside].flatMap((client) => client.faults())]).toEqual([]);

    const payloads = new Map(beside.ticks().map((tick) => [keyOf(tick), JSON.stringify(tick)]));
    let compared = 0;
    for (const client of [...clients, back])
      for (const { type: _type, ...tick } of client.of<Tick & { type: string }>('tick')) {
        const payload = payloads.get(keyOf(tick));
        if (payload === undefined) continue;
        compared++;
        expect(JSON.stringify(tick)).toBe(payload);
      }
    expect(compared).toBeGreaterThan(60);
  });
});
