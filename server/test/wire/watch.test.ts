/** Clients that watch the cluster, at one replica, on real sockets. */
import { describe, expect, it } from 'vitest';
import type { ClusterStatistics, NodeStatistics, Refusal, WatchAck } from '../../protocol/index.ts';
import type { Recorder } from '../support/recorder.ts';
import { jwtSecret } from '../support/tokens.ts';
import { until } from '../support/until.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

const apiKey = 'dummy-key-1';
const websocket = { transports: ['websocket'] };

const watch = (client: Recorder): Promise<WatchAck> => client.call('watch', ['cluster']);
const told = (client: Recorder): ClusterStatistics[] => client.of('cluster');
const own = (client: Recorder): NodeStatistics | undefined => told(client).at(-1)?.nodes[0];

async function watching(
  { connect }: ReplicaUnderTest,
  options: Parameters<ReplicaUnderTest['connect']>[0] = {},
): Promise<Recorder> {
  const client = connect({ ...websocket, ...options });
  expect(await watch(client)).toEqual({ ok: true });
  await client.seen('cluster');
  return client;
}

/** Waits until its last statistics of this replica are these; gives how long it took, in milliseconds. */
async function sees(client: Recorder, wanted: Partial<NodeStatistics>): Promise<number> {
  const before = performance.now();
  const fits = (): boolean => {
    const last = own(client);
    return (
      last !== undefined && Object.entries(wanted).every(([key, value]) => Reflect.get(last, key) === value)
    );
  };
  await until(fits, { saw: () => told(client) });
  return performance.now() - before;
}

async function refusedFor(client: Recorder): Promise<Refusal> {
  const error = await new Promise<Error & { data?: Refusal }>((resolve) =>
    client.socket.once('connect_error', resolve),
  );
  if (error.data === undefined) throw error;
  return error.data;
}

describe('watching the cluster', () => {
  it('[CS1][CS2] is answered, and the statistics follow, over polling too', async () => {
    const replica = await startReplica();
    for (const transports of [['websocket'], ['polling']]) {
      const client = replica.connect({ transports });
      const order: string[] = [];
      client.socket.on('cluster', () => order.push('cluster'));
      client.socket.emit('watch', ['cluster'], (ack: unknown) => order.push(JSON.stringify(ack)));
      await client.seen('cluster');
      expect(order).toEqual(['{"ok":true}', 'cluster']);
      const [first] = told(client);
      expect(first).toEqual({
        at: expect.any(Number),
        nodes: [
          {
            node: 'test',
            state: 'serving',
            leader: expect.any(Boolean),
            uptimeMs: expect.any(Number),
            connections: expect.any(Number),
            users: 0,
            anonymous: expect.any(Number),
          },
        ],
      });
      await sees(client, { leader: true, connections: 1, anonymous: 1 });
      client.close();
      await until(() => replica.replica.io.of('/').sockets.size === 0);
    }
  });

  it('[CS3][CS4] tells within a second of who comes and goes: users, connections of none, plain WebSockets', async () => {
    const replica = await startReplica();
    const client = await watching(replica);
    const tookMs: number[] = [];
    await sees(client, { connections: 1, users: 0, anonymous: 1 });
    const ann = replica.connect({ ...websocket, auth: { userId: 'ann' } });
    await ann.seen('hello');
    tookMs.push(await sees(client, { connections: 2, users: 1, anonymous: 1 }));
    const annToo = replica.connect({ ...websocket, auth: { userId: 'ann' } });
    await annToo.seen('hello');
    tookMs.push(await sees(client, { connections: 3, users: 1, anonymous: 1 }));
    const plain = replica.stream('/stream/A');
    await plain.seen('hello');
    tookMs.push(await sees(client, { connections: 4, users: 1, anonymous: 2 }));
    annToo.close();
    tookMs.push(await sees(client, { connections: 3, users: 1, anonymous: 2 }));
    ann.close();
    plain.close();
    tookMs.push(await sees(client, { connections: 1, users: 0, anonymous: 1 }));
    for (const each of tookMs) expect(each).toBeLessThan(1_000);
  });

  it('[CS1][CS3] ends with unwatch, and watching twice is watching once', async () => {
    const replica = await startReplica();
    const client = await watching(replica);
    expect(await watch(client)).toEqual({ ok: true });
    const fence = await watching(replica);
    await sees(client, { connections: 2 });
    // Two first ones, and those of changes once each.
    const times = told(client)
      .slice(2)
      .map(({ at }) => at);
    expect(new Set(times).size).toBe(times.length);
    expect(await client.call('unwatch')).toEqual({ ok: true });
    const before = told(client).length;
    const third = replica.connect(websocket);
    await third.seen('hello');
    await sees(fence, { connections: 3 });
    expect(told(client)).toHaveLength(before);
    expect(await client.call('unwatch', ['cluster'])).toEqual({ ok: true });
  });

  it('[CS1] refuses what cannot be watched, and changes nothing', async () => {
    const replica = await startReplica();
    const client = replica.connect(websocket);
    const rows: [unknown[], string][] = [
      [[], 'bad_payload'],
      [['cluster'], 'bad_payload'],
      [[[]], 'bad_payload'],
      [[{ topics: ['cluster'] }], 'bad_payload'],
      [[['cluster', 'prices']], 'unknown_topic'],
      [[['constructor']], 'unknown_topic'],
    ];
    for (const [payload, name] of rows)
      expect(await client.call('watch', ...payload)).toMatchObject({ ok: false, name, retry: 'never' });
    expect(await client.call('unwatch', ['prices'])).toMatchObject({ ok: false, name: 'unknown_topic' });
    const fence = await watching(replica);
    await sees(fence, { connections: 2 });
    expect(told(client)).toEqual([]);
  });

  it('[CS3] tells at once of another replica and of its leaving, and within 2 s when its beat stops', async () => {
    const replica = await startReplica();
    const client = await watching(replica);
    const other = { node: 'other', connections: 5, users: 2, anonymous: 1, isLeaving: false, uptimeMs: 1 };
    const beat = (): void => replica.backplane.hear('tickwire:node', other);
    const nodes = (): string => (told(client).at(-1)?.nodes ?? []).map(({ node }) => node).join();
    beat();
    await until(() => nodes() === 'other,test', { withinMs: 1_000 });
    expect(told(client).at(-1)?.nodes[0]).toMatchObject({ connections: 5, users: 2, leader: false });
    replica.backplane.hear('tickwire:gone', { node: 'other' });
    await until(() => nodes() === 'test', { withinMs: 200 });
    beat();
    const lastBeatAt = performance.now();
    await until(() => nodes() === 'other,test', { withinMs: 1_000 });
    await until(() => nodes() === 'test', { withinMs: 3_000 });
    const goneAfterMs = performance.now() - lastBeatAt;
    expect(goneAfterMs).toBeGreaterThan(1_000);
    expect(goneAfterMs).toBeLessThan(2_000);
  });
});

describe('an API key in the handshake', () => {
  it('[CS5] shows the details of each replica, once a second', async () => {
    const replica = await startReplica();
    const reader = replica.connect(websocket);
    await reader.subscribe(['BTC-USD']);
    const slower = replica.connect(websocket);
    await slower.subscribe({ symbols: ['BTC-USD'], everyMs: 1_000 });
    const plain = replica.stream('/stream/BTC-USD');
    await plain.seen('subscribed');
    const everybody = await watching(replica);
    const client = await watching(replica, { auth: { apiKey } });
    await until(() => (own(client)?.details?.perSecond.ticksOut ?? 0) > 0, { saw: () => told(client) });
    const details = own(client)?.details;
    expect(details).toMatchObject({
      symbols: { 'BTC-USD': { 0: 2, 1000: 1 } },
      plain: 1,
      slowClients: 0,
      backplane: 'up',
      feed: 'live',
    });
    // A tick each 20 ms, on a machine that may be busy.
    expect(details?.perSecond.ticksIn).toBeGreaterThan(10);
    expect(details?.perSecond.messagesOut).toBeGreaterThan(10);
    expect(details?.memory.rssBytes).toBeGreaterThan(details?.memory.heapBytes ?? Infinity);
    expect(details?.eventLoop.busy).toBeGreaterThan(0);
    const before = told(client).length;
    const from = performance.now();
    await until(() => told(client).length >= before + 3, { withinMs: 8_000 });
    expect(performance.now() - from).toBeGreaterThan(1_500);
    expect(told(everybody).some(({ nodes }) => nodes.some((node) => 'details' in node))).toBe(false);
  });

  it('[CS5] is refused for good where it is none, whatever else is shown, and is in no log and no answer', async () => {
    const replica = await startReplica();
    const wrong = `${apiKey}0`;
    for (const shown of [wrong, '', 7, { apiKey }, [apiKey]]) {
      const why = await refusedFor(replica.connect({ ...websocket, auth: { apiKey: shown, userId: 'ann' } }));
      expect(why).toMatchObject({ code: 4330, name: 'api_key_invalid', retry: 'never' });
      expect(JSON.stringify(why)).not.toContain('dummy');
    }
    for (const name of ['apiKey', 'apikey', 'x-api-key']) {
      const query = { [name]: apiKey };
      const why = await refusedFor(replica.connect({ ...websocket, query, auth: { apiKey } }));
      expect(why).toMatchObject({ name: 'api_key_invalid' });
    }
    await watching(replica, { auth: { apiKey } });
    const logged = replica.logs.join('');
    expect(logged).toContain('api_key_invalid');
    expect(logged).not.toContain('dummy-key');
  });

  it('[CS5] stands for a sign-in, and a bad token beside it is refused', async () => {
    const replica = await startReplica({ AUTH_MODE: 'jwt', JWT_SECRET: jwtSecret });
    const client = await watching(replica, { auth: { apiKey } });
    expect(client.hellos()[0]).toMatchObject({ user: null });
    expect((await client.subscribe(['BTC-USD'])).ok).toBe(true);
    const tokenAndKey = replica.connect({ ...websocket, auth: { apiKey, token: 'no token' } });
    expect(await refusedFor(tokenAndKey)).toMatchObject({ name: 'token_invalid' });
    const neither = replica.connect(websocket);
    expect(await refusedFor(neither)).toMatchObject({ name: 'token_required' });
  });
});
