/** What each refusal has: a number in the metrics by its name, and a client that comes back where it may. */
import { describe, expect, it } from 'vitest';
import { codes, type CodeName, type Refusal } from '../../protocol/index.ts';
import { refusedUpgrade } from '../support/plain-client.ts';
import { jwtSecret, secretToken } from '../support/tokens.ts';
import { until } from '../support/until.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

async function refusalsOf({ url }: ReplicaUnderTest, name: CodeName): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(
    new RegExp(`^tickwire_client_refusals_total\\{name="${name}",.*\\} (\\d+)$`, 'm').exec(text)?.[1],
  );
}

describe('[C1] refusals are counted by name', () => {
  it('of calls and of plain clients', async () => {
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

  it('of a user who was disconnected, one for each connection of either kind', async () => {
    const under = await startReplica();
    await under.connect({ auth: { userId: 'ann' }, reconnection: false }).seen('hello');
    const plain = under.stream('/stream/A?user=ann');
    await plain.seen('hello');
    await fetch(`${under.url}/api/users/ann/disconnect`, {
      method: 'POST',
      headers: { 'X-API-Key': 'dummy-key-1' },
    });
    await plain.closed();
    expect(await refusalsOf(under, 'disconnected')).toBe(2);
  });

  it('of sign-ins and seats, over either kind of socket', async () => {
    const under = await startReplica({
      AUTH_MODE: 'jwt',
      JWT_SECRET: jwtSecret,
      MAX_CONNECTIONS_PER_USER: '1',
    });
    under.connect({ reconnection: false });
    await refusedUpgrade(under.url, '/stream/A');
    await until(async () => (await refusalsOf(under, 'token_required')) === 2);
    const nowS = Math.floor(Date.now() / 1_000);
    const token = secretToken({ sub: 'ann', exp: nowS + 600 });
    await under.connect({ auth: { token } }).seen('hello');
    await under.connect({ auth: { token }, reconnection: false }).seen('refused');
    const plain = under.stream('/stream/A', { headers: { Authorization: `Bearer ${token}` } });
    expect((await plain.closed()).code).toBe(1008);
    expect(await refusalsOf(under, 'too_many_connections')).toBe(2);
  });
});

/** Of calls and handshakes that were refused, and of faults, by their kind. */
async function errorsOf({ url }: ReplicaUnderTest): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Object.fromEntries(
    [...text.matchAll(/^socket_errors_total\{kind="(\w+)",.*\} (\d+)$/gm)].map(([, kind, count]) => [
      kind,
      Number(count),
    ]),
  );
}

describe('socket_errors_total', () => {
  it('counts each handshake that is refused at the door, each call that is refused, and each fault of ours, once', async () => {
    const under = await startReplica();
    const client = under.connect({ transports: ['websocket'] });
    await client.seen('feed');
    expect(await errorsOf(under)).toEqual({ handshake: 0, refused: 0, internal: 0 });
    await refusedUpgrade(under.url, '/stream/A', { headers: { Origin: 'https://other.example' } });
    expect(await errorsOf(under)).toEqual({ handshake: 1, refused: 0, internal: 0 });
    await client.call('nonsense');
    expect(await errorsOf(under)).toEqual({ handshake: 1, refused: 1, internal: 0 });

    await client.subscribe(['A']);
    const [socket] = under.replica.io.sockets.sockets.values();
    Object.assign(socket ?? {}, {
      leave: () => {
        throw new Error('a bug');
      },
    });
    expect(await client.call('unsubscribe')).toMatchObject({ ok: false, name: 'internal' });
    expect(await errorsOf(under)).toEqual({ handshake: 1, refused: 1, internal: 1 });
    expect(await refusalsOf(under, 'internal')).toBe(1);
  });
});

describe('[CL1] a stock client that was refused for now', () => {
  it('[LM1] for packets too many is cut, and comes back by itself', async () => {
    const under = await startReplica({ MAX_PACKETS_PER_SECOND: '10', MAX_MESSAGE_BYTES: '2048' });
    const client = under.connect({ transports: ['websocket'], reconnectionDelay: 50 });
    await client.seen('hello');
    for (let i = 0; i < 200; i++) client.socket.emit('subscribe', ['A']);
    await client.seen('refused');
    expect(client.of<Refusal>('refused')[0]).toMatchObject({
      code: codes.too_many_packets.code,
      retry: 'later',
    });
    await client.seen('hello', 2);
    expect(await client.subscribe(['A'])).toMatchObject({ ok: true, symbols: ['A'] });
  });
});

describe('[SI3] JWT_MAX_AGE', () => {
  it('ends an open connection, whose token says no more than when it was made', async () => {
    const under = await startReplica({ AUTH_MODE: 'jwt', JWT_SECRET: jwtSecret, JWT_MAX_AGE: '4' });
    const nowS = Math.floor(Date.now() / 1_000);
    const token = secretToken({ sub: 'ann', iat: nowS - 1, exp: nowS + 4 });
    const client = under.connect({ auth: { token }, reconnection: false });
    await client.seen('hello');
    expect(client.hellos()[0]?.expiresAt).toBe((nowS + 3) * 1_000);
    await client.seen('refused', 1, 10_000);
    expect(Date.now()).toBeGreaterThanOrEqual((nowS + 3) * 1_000);
    expect(client.of<Refusal>('refused')[0]).toMatchObject({ name: 'token_expired', retry: 'later' });
  });
});
