/** Clients that watch the cluster, at one replica, on real sockets. */
import { describe, expect, it } from 'vitest';
import type { ClusterStatistics, NodeStatistics, Refusal, WatchAck } from '../../protocol/index.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';
import { apiKey, signIn, startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

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

/** Waits until its last statistics of this replica are these. */
async function sees(client: Recorder, wanted: Partial<NodeStatistics>): Promise<void> {
  const fits = (): boolean => {
    const last = own(client);
    return (
      last !== undefined && Object.entries(wanted).every(([key, value]) => Reflect.get(last, key) === value)
    );
  };
  await until(fits, { saw: () => told(client) });
}

async function refusedFor(client: Recorder): Promise<Refusal> {
  const error = await new Promise<Error & { data?: Refusal }>((resolve) =>
    client.socket.once('connect_error', resolve),
  );
  if (error.data === undefined) throw error;
  return error.data;
}

describe('watching the cluster', () => {
  it('[CS1][CS2] is answered, then the statistics follow, over either transport', async () => {
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

  it('[CS1][CS3] ends with unwatch; watching twice has no effect', async () => {
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
});

describe('an API key in the handshake', () => {
  it('[CS5] rejects the handshake of a wrong key or a key in the URL; no log and no answer has the key', async () => {
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

  it('[CS5] replaces a sign-in, and a bad token beside it is rejected', async () => {
    const replica = await startReplica(signIn);
    const client = await watching(replica, { auth: { apiKey } });
    expect(client.hellos()[0]).toMatchObject({ user: null });
    expect((await client.subscribe(['BTC-USD'])).ok).toBe(true);
    const tokenAndKey = replica.connect({ ...websocket, auth: { apiKey, token: 'no token' } });
    expect(await refusedFor(tokenAndKey)).toMatchObject({ name: 'token_invalid' });
    const neither = replica.connect(websocket);
    expect(await refusedFor(neither)).toMatchObject({ name: 'token_required' });
  });
});
