/** What a replica exports on /metrics, as its clients and prices move it. */
import { describe, expect, it } from 'vitest';
import { type CodeName } from '../../protocol/index.ts';
import { refusedUpgrade } from '../support/clients/plain-client.ts';
import { claimsOf, secretToken } from '../support/stand-ins/tokens.ts';
import { until } from '../support/until.ts';
import { signIn, startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

const refusalsOf = ({ metric }: ReplicaUnderTest, name: CodeName): Promise<number> =>
  metric('tickwire_client_refusals_total', `name="${name}"`);

describe('refusals', () => {
  it('[C1] of calls and of plain clients are counted by name', async () => {
    const under = await startReplica({ MAX_SUBSCRIPTIONS: '1' });
    const client = under.connect();
    for (const [name, event, payload] of [
      ['too_many_subscriptions', 'subscribe', ['A', 'B']],
      ['user_required', 'send_message', { recipient: 'ann', content: 'hi' }],
    ] as const) {
      expect(await client.call(event, payload)).toMatchObject({ ok: false, name });
      expect([name, await refusalsOf(under, name)]).toEqual([name, 1]);
    }
    expect(await refusalsOf(under, 'unknown_symbol')).toBe(0);
    await refusedUpgrade(under.url, '/stream/NONE');
    expect(await refusalsOf(under, 'unknown_symbol')).toBe(1);
    const one = under.stream('/stream/A');
    await one.seen('hello');
    one.send('B');
    await one.seen('error');
    expect(await refusalsOf(under, 'too_many_subscriptions')).toBe(2);
  });

  it('[C1][US2] of a user who was disconnected are counted once per connection of either kind', async () => {
    const under = await startReplica();
    await under.join({ auth: { userId: 'ann' }, reconnection: false });
    const plain = under.stream('/stream/A?user=ann');
    await plain.seen('hello');
    await under.api('POST', 'users/ann/disconnect');
    await plain.closed();
    expect(await refusalsOf(under, 'disconnected')).toBe(2);
  });

  it('[C1] of sign-ins and seats are counted over either kind of connection', async () => {
    const under = await startReplica({ ...signIn, MAX_CONNECTIONS_PER_USER: '1' });
    under.connect({ reconnection: false });
    await refusedUpgrade(under.url, '/stream/A');
    await until(async () => (await refusalsOf(under, 'token_required')) === 2);
    const token = secretToken(claimsOf('ann'));
    await under.join({ auth: { token } });
    await under.connect({ auth: { token }, reconnection: false }).seen('refused');
    const plain = under.stream('/stream/A', { headers: { Authorization: `Bearer ${token}` } });
    expect((await plain.closed()).code).toBe(1008);
    expect(await refusalsOf(under, 'too_many_connections')).toBe(2);
  });

  it('[C1] and errors of our own are counted by kind, once each', async () => {
    const under = await startReplica();
    const errors = (): Promise<number[]> =>
      Promise.all(
        ['handshake', 'refused', 'internal'].map((kind) => under.metric('socket_errors_total', kind)),
      );
    const client = await under.join();
    expect(await errors()).toEqual([0, 0, 0]);
    await refusedUpgrade(under.url, '/stream/A', { headers: { Origin: 'https://other.example' } });
    expect(await errors()).toEqual([1, 0, 0]);
    await client.call('nonsense');
    expect(await errors()).toEqual([1, 1, 0]);

    await client.subscribe(['A']);
    const [socket] = under.replica.io.sockets.sockets.values();
    Object.assign(socket ?? {}, {
      leave: () => {
        throw new Error('a bug');
      },
    });
    expect(await client.call('unsubscribe')).toMatchObject({ ok: false, name: 'internal' });
    expect(await errors()).toEqual([1, 1, 1]);
    expect(await refusalsOf(under, 'internal')).toBe(1);
  });
});

describe('metrics', () => {
  it('metrics have the names that dashboards know', async () => {
    const { url, connect, push, metric } = await startReplica();
    const client = connect();
    await client.seen('hello');
    await client.subscribe(['A']);
    await client.call('nonsense');
    await push([{ symbol: 'A', price: '1' }]);
    await client.seen('tick');
    await fetch(`${url}/socket.io/?EIO=3&transport=polling`);
    const { headers } = await fetch(`${url}/metrics`);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    for (const [name, label, value] of [
      ['socket_connections_total', '', 1],
      ['socket_connections_active', '', 1],
      // connect, hello, feed, the answer, the snapshot, a refusal, the tick.
      ['socket_messages_sent_total', '', 7],
      // connect and two calls.
      ['socket_messages_received_total', '', 3],
      ['socket_errors_total', 'refused', 1],
      ['socket_errors_total', 'handshake', 1],
      ['tickwire_leading', '', 1],
      ['tickwire_epoch', '', 1],
    ] as const)
      expect([name, await metric(name, label)]).toEqual([name, value]);
    expect(await metric('tickwire_appended_ticks_total')).toBeGreaterThan(0);
  });
});
