/** Plain WebSockets through Nginx, over three replicas. */
import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startChild } from '../support/start-child.ts';
import type { Tick } from '../../protocol/index.ts';
import { createOrderCheck } from '../support/order.ts';
import { createPlainClient, refusedUpgrade, type PlainClient } from '../support/plain-client.ts';
import { systemPython } from '../support/python.ts';
import { until } from '../support/until.ts';
import { healthOf, startClusterUnderTest } from './cluster-under-test.ts';

const symbols = ['BTC-USD', 'AAPL', 'EUR-USD'];

function openStream(url: string, path: string): PlainClient {
  const client = createPlainClient(url, path);
  onTestFinished(() => client.close());
  return client;
}

const nodeOf = (client: PlainClient): unknown => client.of('hello')[0]?.['node'];

describe('plain streams over a cluster', () => {
  it('[PW5][W2] spread over the replicas, get what Socket.IO clients get, and go on elsewhere after a drain', async () => {
    const cluster = await startClusterUnderTest();
    const path = `/stream?symbols=${symbols.join(',')}`;
    const clients: PlainClient[] = [];
    // One after another, as Nginx counts the connections that a replica has.
    for (let count = 0; count < 9; count++) {
      const client = openStream(cluster.url, path);
      await client.seen('hello', 1, 20_000);
      clients.push(client);
    }
    const beside = cluster.connect({ transports: ['websocket'] });
    beside.follow(symbols);
    await Promise.all([
      beside.seen('tick', 30, 20_000),
      ...clients.map((one) => one.seen('tick', 30, 20_000)),
    ]);
    expect(new Set(clients.map(nodeOf)).size).toBe(3);
    const counted = await Promise.all(cluster.replicas.map(({ url }) => healthOf(url)));
    expect(counted.reduce((sum, { connections }) => sum + connections, 0)).toBe(10);

    const moved = clients[0];
    const leaving = cluster.replicas.find(({ node }) => node === nodeOf(clients[0] as PlainClient));
    const goneWith = clients.filter((client) => nodeOf(client) === leaving?.node);
    await leaving?.stop();
    for (const client of goneWith) {
      expect((await client.closed(10_000)).code).toBe(1001);
      expect(client.of('shutdown')).toHaveLength(1);
    }
    const last = new Map((moved?.ticks() ?? []).map((tick) => [tick.symbol, tick]));
    const since = [...last.values()].map(({ symbol, gen, seq }) => `${symbol}:${gen}:${seq}`).join();
    const back = openStream(cluster.url, `${path}&since=${since}`);
    await back.seen('tick', 30, 20_000);
    expect(nodeOf(back)).not.toBe(leaving?.node);
    const order = createOrderCheck();
    order.placed([...last.values()] as never);
    for (const tick of back.ticks()) order.arrived(tick);
    expect(order.faults()).toEqual([]);
    expect(back.of('quote')).toEqual([]);

    const payloads = new Map<string, string>();
    const keyOf = ({ gen, symbol, seq }: Tick): string => `${gen} ${symbol} ${seq}`;
    for (const tick of beside.ticks()) payloads.set(keyOf(tick), JSON.stringify(tick));
    let compared = 0;
    for (const client of [...clients, back]) {
      expect(client === back ? [] : client.faults()).toEqual([]);
      for (const { type: _type, ...tick } of client.ticks() as (Tick & { type: string })[]) {
        const payload = payloads.get(keyOf(tick));
        if (payload === undefined) continue;
        compared++;
        expect(JSON.stringify(tick)).toBe(payload);
      }
    }
    expect(compared).toBeGreaterThan(200);
    expect(beside.faults()).toEqual([]);
  });

  it.each([['emptied'], ['killed and started again']])(
    '[PW5][SQ4] Redis %s while they stream: a quote of the new generation, then its ticks, at any rate',
    async (what) => {
      const cluster = await startClusterUnderTest({ replicas: 2 });
      const path = `/stream?symbols=${symbols.join(',')}`;
      const clients = cluster.replicas.flatMap(({ url }) =>
        [path, `${path}&everyMs=250`].map((one) => openStream(url, one)),
      );
      await Promise.all(clients.map((client) => client.seen('tick', 6, 20_000)));
      const gensBefore = new Set<unknown>(clients.flatMap((client) => client.ticks().map(({ gen }) => gen)));
      expect(gensBefore.size).toBe(1);
      if (what === 'emptied') {
        const redis = createClient({ url: cluster.redis.url });
        await redis.connect();
        await redis.sendCommand(['FLUSHALL']);
        redis.destroy();
      } else {
        await cluster.redis.kill('SIGKILL');
        await cluster.redis.restart();
      }

      const isNew = (one: object): boolean => !gensBefore.has(Reflect.get(one, 'gen'));
      const gensAfter = new Set<unknown>();
      for (const client of clients)
        for (const symbol of symbols) {
          const ticks = () => client.ticks(symbol).filter(isNew);
          await until(() => ticks().length >= 3, { withinMs: 30_000, saw: () => client.messages.slice(-5) });
          for (const { gen } of ticks()) gensAfter.add(gen);
          // The quote came first, and was no answer to a call.
          const ofSymbol = client.messages.filter((one) => one['symbol'] === symbol && isNew(one));
          expect(ofSymbol[0]).toMatchObject({ type: 'quote', reason: 'generation' });
          expect(ofSymbol.filter(({ type }) => type === 'quote')).toHaveLength(1);
        }
      expect(gensAfter.size).toBe(1);
      expect(clients.flatMap((client) => client.faults())).toEqual([]);
      expect(clients.map((client) => client.of('hello').length)).toEqual(clients.map(() => 1));
    },
  );

  it('[PW1][PW4] a client in Python connects through Nginx, adds symbols, and is told what is refused', async () => {
    const cluster = await startClusterUnderTest({ replicas: 1 });
    await until(async () => (await healthOf(cluster.replicas[0]?.url ?? '')).feed.state === 'live', {
      withinMs: 20_000,
    });
    const code = `
import json, sys
import websocket

stream = websocket.create_connection(sys.argv[1].replace('http', 'ws', 1) + '/stream/BTC-USD?user=py')
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
      args: ['-u', '-c', code, cluster.url.replace(/\/$/, '')],
    });
    onTestFinished(() => child.kill('SIGKILL'));
    await child.ended;
    expect(child.logs()).toEqual([
      'hello py',
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
