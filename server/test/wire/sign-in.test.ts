/** Who a client is, by its word or by a signed token, and what happens when a token ends. sign-in-keys.test.ts has tokens signed with public keys. */
import { describe, expect, it } from 'vitest';
import { codes, type Refusal } from '../../protocol/index.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { claimsOf, jwtSecret, secretToken } from '../support/stand-ins/tokens.ts';
import { until } from '../support/until.ts';
import { apiKey, pollingPath, shareReplica, signIn, startReplica } from './replica-under-test.ts';

const open = shareReplica();
const signed = shareReplica(signIn);
/** Refused clients are held for 500 ms instead of 2 to 4 s, and ended tokens are looked for every 250 ms. */
const quick = { speed: 4, random: () => 0 };
const tokenOf = (user: string, claims = {}): string => secretToken(claimsOf(user, claims));

/** The refusal of a handshake, after which the client does not reconnect. */
async function refusalOf({ socket }: Recorder): Promise<Refusal> {
  const error = await new Promise<Error & { data?: unknown }>((resolve) =>
    socket.once('connect_error', resolve),
  );
  expect(socket.active).toBe(false);
  return error.data as Refusal;
}

describe('without sign-in', () => {
  it('[SI1] a client is the user that it names, or no user', async () => {
    const named = await open.join({ auth: { userId: 'ann@example.com' } });
    const nameless = await open.join({ auth: { token: 'ignored' } });
    expect(named.hellos()).toMatchObject([{ user: 'ann@example.com' }]);
    expect(nameless.hellos()).toMatchObject([{ user: null }]);
    for (const client of [named, nameless])
      expect(await client.call('refresh_token', 'anything')).toEqual({
        ok: true,
        expiresAt: null,
        symbols: [],
      });
  });

  it('[SI1] rejects the handshake of a malformed user id', async () => {
    const bad = ['', 'a/b', 'ann*', 'ann\n', 'a'.repeat(129), 5, { toString: 'ann' }, ['ann']];
    for (const userId of bad)
      expect(await refusalOf(open.connect({ auth: { userId } }))).toMatchObject({
        code: codes.bad_user_id.code,
        name: 'bad_user_id',
      });
  });
});

describe('with tokens', () => {
  it('[SI2] a client is the user of its token, whatever it calls itself', async () => {
    const auth = { token: tokenOf('ann'), userId: 'eve' };
    const clients = [
      signed.connect({ auth }),
      signed.connect({ auth, transports: ['websocket'] }),
      signed.connect({ extraHeaders: { Authorization: `Bearer ${auth.token}` } }),
    ];
    for (const client of clients) {
      await client.seen('hello');
      expect(client.hellos()).toMatchObject([{ user: 'ann' }]);
      expect(await client.subscribe(['A'])).toMatchObject({ ok: true });
    }
  });

  it.each([
    ['no token', {}, 'token_required'],
    ['only a user id', { userId: 'ann' }, 'token_required'],
    ['a number as token', { token: 5 }, 'token_invalid'],
    [
      'a token of another secret',
      { token: secretToken(claimsOf('ann'), { secret: 'x'.repeat(32) }) },
      'token_invalid',
    ],
  ])('[SI2] rejects the handshake with %s', async (_, auth, name) => {
    expect(await refusalOf(signed.connect({ auth }))).toMatchObject({ name, retry: 'never' });
  });

  it('[SI4][CL3] an expired token is refused for later, and a stock client comes back with another', async () => {
    const { connect } = await startReplica(signIn, quick);
    const tokens = [tokenOf('ann', { endsInS: -1 }), tokenOf('ann')];
    const client = connect({
      transports: ['websocket'],
      auth: (give) => give({ token: tokens.shift() }),
      reconnectionDelay: 10,
    });
    await client.seen('hello');
    expect(client.events.map(({ event }) => event).slice(0, 3)).toEqual(['refused', 'hello', 'feed']);
    expect(client.of('refused')).toMatchObject([{ name: 'token_expired', retry: 'later' }]);
    expect(client.hellos()).toMatchObject([{ user: 'ann' }]);
    // It was held for 500 ms first, of which it may have noticed the beginning late.
    const [refused, hello] = client.events;
    expect((hello?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThan(250);
  });

  it('[SI6] rejects a token in a URL, and logs no token', async () => {
    const { connect, url, logs } = await startReplica(signIn);
    const token = tokenOf('ann');
    const refused = await refusalOf(connect({ query: { token }, auth: { token } }));
    expect(refused).toMatchObject({ name: 'token_invalid', message: expect.stringContaining('address') });
    const answer = await fetch(`${url}/api/ticks?access_token=${token}`);
    expect([answer.status, await answer.json()]).toMatchObject([401, { name: 'token_invalid' }]);
    await until(() => logs.some((line) => line.includes('/api/ticks')));
    expect(logs.join('\n')).not.toContain(token.slice(-20));
    expect(logs.join('\n')).not.toContain(jwtSecret);
  });

  it('[SI2] quotes over HTTP need a token or an API key', async () => {
    await signed.price({ A: '1', B: '2' });
    const get = async (query: string, headers: Record<string, string> = {}): Promise<unknown[]> => {
      const answer = await signed.api('GET', `ticks${query}`, undefined, headers);
      return [answer.status, await answer.json(), answer.headers.get('www-authenticate')];
    };
    const own = { Authorization: `bearer ${tokenOf('ann', { symbols: ['A*'] })}` };
    const expired = { Authorization: `Bearer ${tokenOf('ann', { endsInS: -9 })}` };
    const both = [{ symbol: 'A' }, { symbol: 'B' }];
    expect(await get('')).toMatchObject([401, { name: 'token_required' }, 'Bearer realm="tickwire"']);
    expect(await get('', own)).toMatchObject([200, { quotes: [{ symbol: 'A' }], missing: [] }, null]);
    expect(await get('?symbols=A,B', own)).toMatchObject([403, { name: 'symbol_not_permitted' }, null]);
    expect(await get('?symbols=A,B', { 'X-API-Key': apiKey })).toMatchObject([200, { quotes: both }, null]);
    expect((await get('', expired)).slice(0, 2)).toMatchObject([401, { name: 'token_expired' }]);
  });

  it('[SI5] a client gets the symbols of its token, and no others', async () => {
    const client = await signed.join({ auth: { token: tokenOf('ann', { symbols: ['a', 'BTC-*'] }) } });
    const answer = await client.subscribe({
      symbols: ['A', 'B', 'BTC-USD', 'ZZZ', 'not one'],
      since: { B: ['gen000', 0] },
    });
    expect(answer).toMatchObject({
      ok: true,
      symbols: ['A', 'BTC-USD'],
      results: {
        A: { ok: true },
        B: { ok: false, name: 'symbol_not_permitted', code: codes.symbol_not_permitted.code, retry: 'never' },
        'BTC-USD': { ok: true },
        ZZZ: { ok: false, name: 'unknown_symbol' },
        'not one': { ok: false, name: 'bad_symbol' },
      },
    });
    await signed.price({ B: '1', A: '1' });
    await until(() => client.ticks('A').length > 0);
    expect(client.ticks('B')).toEqual([]);
  });
});

describe('a token that ends', () => {
  it.each(['websocket', 'polling'])(
    '[SI4] over %s: its connection ends with it, and a stock client comes back with another',
    async (transport) => {
      const { connect, replica, passTime } = await startReplica(signIn, quick);
      const endsAt = Date.now() + 60_000;
      const tokens = [secretToken({ sub: 'ann', exp: endsAt / 1_000 }), tokenOf('ann')];
      const client = connect({
        transports: [transport],
        auth: (give) => give({ token: tokens.shift() }),
        reconnectionDelay: 10,
      });
      client.follow(['BTC-USD']);
      const bystander = connect({ auth: { token: tokenOf('bob', { endsInS: 200 }) } });
      await bystander.seen('hello');
      await client.seen('tick');
      expect(client.hellos()[0]?.expiresAt).toBe(endsAt);
      passTime(60_000);
      await client.seen('refused');
      const refused = client.events.findIndex(({ event }) => event === 'refused');
      expect(client.events[refused]?.payload).toMatchObject({ name: 'token_expired', retry: 'later' });
      await client.seen('hello', 2);
      expect(client.events[refused + 1]?.event).toBe('hello');
      await until(() => client.events.slice(refused).some(({ event }) => event === 'tick'));
      expect(client.faults()).toEqual([]);
      expect(bystander.of('refused')).toEqual([]);
      expect(replica.io.sockets.sockets.size).toBe(2);
    },
  );

  it('[SI3] ends a connection JWT_MAX_AGE after the token was made', async () => {
    const { join, passTime } = await startReplica({ ...signIn, JWT_MAX_AGE: '40' }, quick);
    const iat = Math.floor(Date.now() / 1_000) - 1;
    const token = secretToken({ sub: 'ann', iat, exp: iat + 41 });
    const client = await join({ auth: { token }, reconnection: false });
    expect(client.hellos()[0]?.expiresAt).toBe((iat + 40) * 1_000);
    passTime(40_000);
    await client.seen('refused');
    expect(client.of('refused')).toMatchObject([{ name: 'token_expired', retry: 'later' }]);
  });

  it('[SI4] the connection of a client that does not read ends too', async () => {
    const { url, replica, passTime } = await startReplica(signIn, quick);
    const opened = await (await fetch(url + pollingPath)).text();
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
    const body = `40${JSON.stringify({ token: tokenOf('ann', { endsInS: 60 }) })}`;
    expect((await fetch(`${url}${pollingPath}&sid=${sid}`, { method: 'POST', body })).status).toBe(200);
    await until(() => replica.io.sockets.sockets.size === 1);
    passTime(61_000);
    await until(() => replica.io.sockets.sockets.size === 0);
  });
});

describe('refresh_token', () => {
  it('[SI7] continues the connection with another token of the same user', async () => {
    const { connect, passTime } = await startReplica(signIn, quick);
    const [client, other] = ['ann', 'bob'].map((user) =>
      connect({ auth: { token: tokenOf(user, { endsInS: 60 }) } }),
    ) as [Recorder, Recorder];
    client.follow(['BTC-USD', 'A']);
    await Promise.all([client.seen('tick'), other.seen('hello')]);
    const next = claimsOf('ann', { symbols: ['BTC-*'] });
    expect(await client.call('refresh_token', secretToken(next))).toEqual({
      ok: true,
      expiresAt: Math.floor(next.exp * 1_000),
      symbols: ['BTC-USD'],
    });
    expect(await client.subscribe(['A'])).toMatchObject({ results: { A: { name: 'symbol_not_permitted' } } });
    passTime(61_000);
    // The same sweep would have ended both.
    await other.seen('refused');
    await client.seen('tick', client.ticks().length + 1);
    expect(client.of('refused')).toEqual([]);
    expect(client.hellos()).toHaveLength(1);
  });

  it('[SI7] rejects any other token, and the connection goes on unchanged', async () => {
    const client = await signed.join({ auth: { token: tokenOf('ann') } });
    await client.subscribe(['A']);
    for (const [token, name] of [
      [tokenOf('bob'), 'other_user'],
      [tokenOf('ann', { endsInS: -1 }), 'token_expired'],
      [secretToken(claimsOf('ann'), { secret: 'x'.repeat(32) }), 'token_invalid'],
      ['', 'token_required'],
      [null, 'token_required'],
      [{}, 'token_invalid'],
      [5, 'token_invalid'],
    ])
      expect(await client.call('refresh_token', token)).toMatchObject({ ok: false, name, symbols: ['A'] });
    expect(await client.call('refresh_token')).toMatchObject({ ok: false, name: 'bad_payload' });
    expect(await client.call('refresh_token', 'a', 'b')).toMatchObject({ ok: false, name: 'bad_payload' });
    expect(client.of('refused')).toEqual([]);
    expect(await client.subscribe(['B'])).toMatchObject({ ok: true, symbols: ['A', 'B'] });
  });
});
