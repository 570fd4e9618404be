/** Plain WebSockets over three replicas and through Nginx. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Tick } from '../../protocol/index.ts';
import { createPlainClient, refusedUpgrade, type PlainClient } from '../support/plain-client.ts';
import { systemPython } from '../support/python.ts';
import { createOrderCheck } from '../support/order.ts';
import { sharedCluster } from '../support/shared-cluster.ts';
import { startChild } from '../support/start-child.ts';

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

  it('[PW1][PW4] a client in Python connects through Nginx, adds symbols, and gets its refusals', async () => {
    const cluster = sharedCluster();
    const user = `py-${randomUUID()}`;
    const code = `
import json, sys
import websocket

stream = websocket.create_connection(sys.argv[1].replace('http', 'ws', 1) + '/stream/BTC-USD?user=' + sys.argv[2])
stream.send('aapl,NONE')
seen = {}
while not ('tick' in seen and set(seen.get('quote', [])) == {'BTC-USD', 'AAPL'}):
    message = json.loads(stream.recv())
    seen.setdefault(message['type'], []).append(message.get('symbol'))
    if message['type'] == 'hello':
        print('hello', message['user'])
    if message['type'] == 'subscribed':
        for symbol, result in message['results'].items():
            print(symbol, result['ok'], result.get('name'))
stream.ping('x')
stream.close()
try:
    websocket.create_connection(sys.argv[1].replace('http', 'ws', 1) + '/stream/no%20symbol')
except websocket.WebSocketBadStatusException as error:
    print('refused', error.status_code)
print('done')
`;
    const child = await startChild({
      name: 'python',
      command: systemPython,
      args: ['-u', '-c', code, cluster.url, user],
    });
    onTestFinished(() => child.kill('SIGKILL'));
    await child.ended;
    expect(child.logs()).toEqual([
      `hello ${user}`,
      'BTC-USD True None',
      'AAPL True None',
      'NONE False unknown_symbol',
      'refused 400',
      'done',
    ]);
    expect(await refusedUpgrade(cluster.url, '/stream/NONE')).toMatchObject({
      status: 404,
      problem: { name: 'unknown_symbol' },
    });
  });
});
