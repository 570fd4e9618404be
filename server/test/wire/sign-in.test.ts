import { describe, expect, it, onTestFinished } from 'vitest';
import { createStream } from '../../../client/src/stream/index.ts';
import { codes, type Hello, type Refusal } from '../../protocol/index.ts';
import {
  claimsOf,
  jwtSecret,
  keyToken,
  makeKeyPair,
  secretToken,
  startKeyServer,
} from '../support/tokens.ts';
import { until } from '../support/until.ts';
import type { Recorder } from '../support/recorder.ts';
import { startReplica } from './replica-under-test.ts';

const withSecret = { AUTH_MODE: 'jwt', JWT_SECRET: jwtSecret };

/** What the handshake was refused with for good. */
async function refusalOf({ socket }: Recorder): Promise<Refusal> {
  const error = await new Promise<Error & { data?: unknown }>((resolve) =>
    socket.once('connect_error', resolve),
  );
  expect(socket.active).toBe(false);
  return error.data as Refusal;
}

describe('without sign-in', () => {
  it('[SI1] a client may name itself, or not', async () => {
    const { connect, replica } = await startReplica();
    const named = connect({ auth: { userId: 'ann@example.com' } });
    const nameless = connect({ auth: { token: 'not looked at' } });
    await Promise.all([named.seen('hello'), nameless.seen('hello')]);
    expect(named.hellos()).toMatchObject([{ user: 'ann@example.com' }]);
    expect(nameless.hellos()).toMatchObject([{ user: null }]);
    const users = [...replica.io.sockets.sockets.values()].map(({ data }) => data.identity.user);
    expect(users).toEqual(expect.arrayContaining(['ann@example.com', null]));
  });

  it.each([
    ['empty', ''],
    ['with a slash', 'a/b'],
    ['with a glob', 'ann*'],
    ['with a line break', 'ann\n'],
    ['too long', 'a'.repeat(129)],
    ['a number', 5],
    ['an object', { toString: 'ann' }],
    ['a list', ['ann']],
  ])('[SI1] a name that is none is refused for good: %s', async (_, userId) => {
    const { connect, replica } = await startReplica();
    const client = connect({ auth: { userId } });
    expect(await refusalOf(client)).toMatchObject({ code: codes.bad_user_id.code, name: 'bad_user_id' });
    expect(replica.io.sockets.sockets.size).toBe(0);
  });
});

describe('with tokens', () => {
  it('[SI2] a client is who its token says, whatever it calls itself', async () => {
    const { connect } = await startReplica(withSecret);
    const auth = { token: secretToken(claimsOf('ann')), userId: 'eve' };
    const clients = [
      connect({ auth }),
      connect({ auth, transports: ['websocket'] }),
      connect({ extraHeaders: { Authorization: `Bearer ${auth.token}` } }),
    ];
    for (const client of clients) {
      await client.seen('hello');
      expect(client.hellos()).toMatchObject([{ user: 'ann' }]);
      expect(await client.subscribe(['A'])).toMatchObject({ ok: true });
    }
  });

  it.each([
    ['no token', {}, 'token_required'],
    ['a name alone', { userId: 'ann' }, 'token_required'],
    ['a token that is a number', { token: 5 }, 'token_invalid'],
    [
      'a token of another secret',
      { token: secretToken(claimsOf('ann'), { secret: 'x'.repeat(32) }) },
      'token_invalid',
    ],
  ])('[SI2] who shows %s is refused for good, in the handshake', async (_, auth, name) => {
    const { connect, replica } = await startReplica(withSecret);
    expect(await refusalOf(connect({ auth }))).toMatchObject({ name, retry: 'never' });
    expect(replica.io.sockets.sockets.size).toBe(0);
  });

  it('[SI4] [CL3] one that has expired is let in to be told so and comes back with another', async () => {
    const { connect } = await startReplica(withSecret);
    const tokens = [secretToken(claimsOf('ann', { endsInS: -1 })), secretToken(claimsOf('ann'))];
    const client = connect({
      transports: ['websocket'],
      auth: (give) => give({ token: tokens.shift() }),
      reconnectionDelay: 10,
    });
    await client.seen('refused');
    expect(client.of('refused')).toEqual([
      expect.objectContaining({ name: 'token_expired', retry: 'later' }),
    ]);
    const refusedAt = client.events.at(-1)?.at ?? 0;
    await client.seen('hello', 1, 6_000);
    const hello = client.events.find(({ event }) => event === 'hello');
    expect((hello?.at ?? 0) - refusedAt).toBeGreaterThan(1_900);
    expect(client.events.map(({ event }) => event).slice(0, 3)).toEqual(['refused', 'hello', 'feed']);
    expect(client.hellos()).toMatchObject([{ user: 'ann' }]);
  });

  it('[SI6] a token in the query is refused, and no log has it', async () => {
    const { connect, url, logs } = await startReplica(withSecret);
    const token = secretToken(claimsOf('ann'));
    const refused = await refusalOf(connect({ query: { token }, auth: { token } }));
    expect(refused).toMatchObject({
      name: 'token_invalid',
      message: expect.stringContaining('address') as string,
    });
    const answer = await fetch(`${url}/api/ticks?access_token=${token}`);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ name: 'token_invalid' });
    await until(() => logs.some((line) => line.includes('/api/ticks')));
    expect(logs.join('\n')).not.toContain(token.slice(-20));
    expect(logs.join('\n')).not.toContain(jwtSecret);
  });

  it('[SI2] quotes over HTTP are for who is signed in, too', async () => {
    const { url, push, backplane } = await startReplica(withSecret);
    await until(
      async () =>
        (await push([
          { symbol: 'A', price: '1' },
          { symbol: 'B', price: '2' },
        ])) === 200,
    );
    expect(backplane).toBeDefined();
    const get = (query: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${url}/api/ticks${query}`, { headers });
    const bare = await get('');
    expect(bare.status).toBe(401);
    expect(bare.headers.get('www-authenticate')).toBe('Bearer realm="tickwire"');
    expect(await bare.json()).toMatchObject({ name: 'token_required' });
    const token = secretToken(claimsOf('ann', { symbols: ['A*'] }));
    const own = { Authorization: `bearer ${token}` };
    expect(await (await get('', own)).json()).toMatchObject({ quotes: [{ symbol: 'A' }], missing: [] });
    const forbidden = await get('?symbols=A,B', own);
    expect([forbidden.status, await forbidden.json()]).toMatchObject([403, { name: 'symbol_not_permitted' }]);
    const withKey = await get('?symbols=A,B', { 'X-API-Key': 'dummy-key-1' });
    expect(await withKey.json()).toMatchObject({ quotes: [{ symbol: 'A' }, { symbol: 'B' }] });
    const expired = await get('', {
      Authorization: `Bearer ${secretToken(claimsOf('ann', { endsInS: -9 }))}`,
    });
    expect([expired.status, await expired.json()]).toMatchObject([401, { name: 'token_expired' }]);
  });
});

describe('the symbols of a token', () => {
  it('[SI5] may be had, and no others, whatever is asked for', async () => {
    const { connect, push } = await startReplica(withSecret);
    const client = connect({ auth: { token: secretToken(claimsOf('ann', { symbols: ['a', 'BTC-*'] })) } });
    await client.seen('hello');
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
    await until(async () => (await push(['B', 'A'].map((symbol) => ({ symbol, price: '1' })))) === 200);
    await until(() => client.ticks('A').length > 0);
    expect(client.ticks('B')).toEqual([]);
  });
});

describe('a token that ends', () => {
  it.each(['websocket', 'polling'])(
    '[SI4] ends its connection within 2 s, over %s; a stock client comes back with another',
    async (transport) => {
      const { connect, replica } = await startReplica(withSecret);
      const endsAt = Date.now() + 1_500;
      const tokens = [secretToken({ sub: 'ann', exp: endsAt / 1_000 }), secretToken(claimsOf('ann'))];
      const client = connect({
        transports: [transport],
        auth: (give) => give({ token: tokens.shift() }),
        reconnectionDelay: 10,
      });
      client.follow(['BTC-USD']);
      const bystander = connect({ auth: { token: secretToken(claimsOf('bob')) } });
      bystander.follow(['BTC-USD']);
      await client.seen('hello');
      expect(client.hellos()[0]?.expiresAt).toBe(endsAt);
      await client.seen('tick');
      await client.seen('refused', 1, 4_000);
      const refused = client.events.findIndex(({ event }) => event === 'refused');
      expect(client.events[refused]?.payload).toMatchObject({ name: 'token_expired', retry: 'later' });
      expect(client.events[refused]?.at).toBeGreaterThanOrEqual(endsAt);
      expect(client.events[refused]?.at).toBeLessThan(endsAt + 2_000);
      await client.seen('hello', 2);
      expect(client.events[refused + 1]?.event).toBe('hello');
      await until(() => client.events.slice(refused).some(({ event }) => event === 'tick'));
      expect(client.faults()).toEqual([]);
      expect(bystander.of('refused')).toEqual([]);
      expect(replica.io.sockets.sockets.size).toBe(2);
    },
  );

  it('[SI4] ends the connection of one who does not read, too', async () => {
    const { url, replica } = await startReplica(withSecret);
    const endsAt = Date.now() + 1_500;
    const token = secretToken({ sub: 'ann', exp: endsAt / 1_000 });
    const query = '/socket.io/?EIO=4&transport=polling';
    const opened = await (await fetch(url + query)).text();
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
    const post = await fetch(`${url}${query}&sid=${sid}`, {
      method: 'POST',
      body: `40${JSON.stringify({ token })}`,
    });
    expect(post.status).toBe(200);
    await until(() => replica.io.sockets.sockets.size === 1);
    await until(() => replica.io.sockets.sockets.size === 0);
    expect(Date.now()).toBeLessThan(endsAt + 2_500);
    expect(Date.now()).toBeGreaterThanOrEqual(endsAt);
  });
});

describe('refresh_token', () => {
  it('[SI7] goes on with another token of the same user', async () => {
    const { connect } = await startReplica(withSecret);
    const endsAt = Date.now() + 1_500;
    const [client, other] = ['ann', 'bob'].map((sub) =>
      connect({ auth: { token: secretToken({ sub, exp: endsAt / 1_000 }) } }),
    ) as [Recorder, Recorder];
    client.follow(['BTC-USD', 'A']);
    await client.seen('hello');
    await client.seen('tick');
    const next = claimsOf('ann', { symbols: ['BTC-*'] });
    expect(await client.call('refresh_token', secretToken(next))).toEqual({
      ok: true,
      expiresAt: Math.floor(next.exp * 1_000),
      symbols: ['BTC-USD'],
    });
    expect(await client.subscribe(['A'])).toMatchObject({ results: { A: { name: 'symbol_not_permitted' } } });
    // The same sweep would have ended both.
    await other.seen('refused');
    const seen = client.ticks().length;
    await until(() => client.ticks().length > seen);
    expect(client.of('refused')).toEqual([]);
    expect(client.hellos()).toHaveLength(1);
  });

  it('[SI7] takes no other, and the connection goes on as it was', async () => {
    const { connect } = await startReplica(withSecret);
    const client = connect({ auth: { token: secretToken(claimsOf('ann')) } });
    await client.seen('hello');
    await client.subscribe(['A']);
    for (const [token, name] of [
      [secretToken(claimsOf('bob')), 'other_user'],
      [secretToken(claimsOf('ann', { endsInS: -1 })), 'token_expired'],
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

  it('[SI7] is what our stream calls before its token ends', async () => {
    const { url } = await startReplica(withSecret);
    const hellos: Hello[] = [];
    let tokens = 0;
    let ticks = 0;
    const stream = createStream({
      url,
      token: async () => {
        tokens++;
        return secretToken(claimsOf('ann', { endsInS: 2.5 }));
      },
      onHello: (hello) => void hellos.push(hello),
      onTick: () => ticks++,
    });
    onTestFinished(() => stream.close());
    stream.subscribe(['BTC-USD']);
    // The first of them has ended long since.
    await until(() => tokens >= 5, { withinMs: 10_000 });
    const seen = ticks;
    await until(() => ticks > seen);
    expect(hellos).toMatchObject([{ user: 'ann' }]);
    expect(stream.counters()).toMatchObject({ gaps: 0 });
  });

  it('[SI4] has our stream come back where its token ended', async () => {
    const { url } = await startReplica(withSecret);
    const hellos: Hello[] = [];
    const stream = createStream({
      url,
      token: secretToken(claimsOf('ann', { endsInS: 1 })),
      onHello: (hello) => void hellos.push(hello),
    });
    onTestFinished(() => stream.close());
    await until(() => stream.state().at === 'waiting');
    expect(stream.state()).toMatchObject({ because: 'refused' });
    expect(hellos).toHaveLength(1);
  });

  it('[SI1] without sign-in there is nothing to refresh', async () => {
    const { connect } = await startReplica();
    for (const auth of [{}, { userId: 'ann' }]) {
      const client = connect({ auth });
      await client.seen('hello');
      expect(await client.call('refresh_token', 'anything')).toEqual({
        ok: true,
        expiresAt: null,
        symbols: [],
      });
    }
  });
});

describe('with keys from an address', () => {
  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'] as const)(
    '[SI3] a token signed with %s is taken',
    async (alg) => {
      const keys = await startKeyServer([makeKeyPair('RS256', 'other'), makeKeyPair('ES256', 'else')]);
      const pair = makeKeyPair(alg, 'k1');
      keys.say([makeKeyPair('RS256', 'other'), pair]);
      const { connect } = await startReplica({ AUTH_MODE: 'jwt', JWKS_URL: keys.url });
      const clients = [1, 2, 3].map(() => connect({ auth: { token: keyToken(claimsOf('ann'), pair) } }));
      for (const client of clients) await client.seen('hello');
      expect(clients[2]?.hellos()).toMatchObject([{ user: 'ann' }]);
      expect(keys.asked()).toBe(1);
    },
  );

  it('[SI3] nothing else is, such as the public key for a secret', async () => {
    const pair = makeKeyPair('RS256', 'k1');
    const keys = await startKeyServer([pair]);
    const { connect } = await startReplica({ AUTH_MODE: 'jwt', JWKS_URL: keys.url });
    const pem = pair.publicKey.export({ type: 'spki', format: 'pem' });
    const claims = claimsOf('ann');
    const stranger = makeKeyPair('RS256', 'k1');
    for (const token of [
      secretToken(claims, { secret: pem, header: { alg: 'HS256', kid: 'k1' } }),
      secretToken(claims, { secret: pem, header: { alg: 'RS256', kid: 'k1' } }),
      secretToken(claims, { secret: JSON.stringify(pair.jwk), header: { alg: 'HS256', kid: 'k1' } }),
      keyToken(claims, stranger),
      keyToken(claims, stranger, { alg: 'RS256', kid: 'k1', jwk: stranger.jwk }),
      keyToken(claims, stranger, { alg: 'RS256', kid: 'k1', jku: keys.url }),
      keyToken(claims, pair, { alg: 'PS256', kid: 'k1' }),
      keyToken(claims, pair, { alg: 'RS384', kid: 'k1' }),
      keyToken(claims, pair, { alg: 'RS256', kid: '../../k1' }),
      keyToken(claims, pair, { alg: 'RS256', kid: 5 }),
      keyToken(claims, pair, { alg: 'RS256', kid: { $ne: null } }),
    ])
      expect(await refusalOf(connect({ auth: { token } }))).toMatchObject({ name: 'token_invalid' });
    const good = connect({ auth: { token: keyToken(claims, pair, { alg: 'RS256' }) } });
    await good.seen('hello');
  });

  it('[SI3] a key that is new is found, and one that is gone is not taken any more', async () => {
    const [old, young] = [makeKeyPair('ES256', 'old'), makeKeyPair('ES256', 'young')];
    const keys = await startKeyServer([old]);
    const { connect, url } = await startReplica({ AUTH_MODE: 'jwt', JWKS_URL: keys.url });
    await connect({ auth: { token: keyToken(claimsOf('ann'), old) } }).seen('hello');
    keys.say([young]);
    const status = async (pair: typeof old): Promise<number> => {
      const token = keyToken(claimsOf('ann'), pair);
      return (await fetch(`${url}/api/ticks`, { headers: { Authorization: `Bearer ${token}` } })).status;
    };
    // The first to show it waits for the new keys, however young the old ones are.
    const client = connect({ auth: { token: keyToken(claimsOf('bob'), young) } });
    expect(await status(young)).toBe(200);
    await client.seen('hello');
    expect(client.hellos()).toMatchObject([{ user: 'bob' }]);
    expect(keys.asked()).toBe(2);
    expect(await status(old)).toBe(401);
    expect(keys.asked()).toBe(3);
  });

  it('[SI8] while they cannot be had clients are sent away, and come back by themselves', async () => {
    const pair = makeKeyPair('ES256', 'k1');
    const keys = await startKeyServer([]);
    keys.say('<html>no keys here</html>');
    const { connect, logs } = await startReplica({ AUTH_MODE: 'jwt', JWKS_URL: keys.url });
    const client = connect({ auth: { token: keyToken(claimsOf('ann'), pair) }, reconnectionDelay: 10 });
    await client.seen('refused');
    expect(client.of('refused')).toMatchObject([{ name: 'sign_in_unavailable', retry: 'later' }]);
    keys.say([pair]);
    await client.seen('hello', 1, 10_000);
    expect(client.hellos()).toMatchObject([{ user: 'ann' }]);
    expect(logs.filter((line) => line.includes('the keys of tokens cannot be had'))).toHaveLength(1);
  });

  it('[SI8] also where they never answer, before the connection is cut', async () => {
    const keys = await startKeyServer([]);
    keys.say(null);
    const { connect } = await startReplica({ AUTH_MODE: 'jwt', JWKS_URL: keys.url });
    const token = keyToken(claimsOf('ann'), makeKeyPair('ES256', 'k1'));
    const clients = [1, 2, 3].map(() => connect({ auth: { token } }));
    for (const client of clients) await client.seen('refused', 1, 8_000);
    expect(clients[0]?.of('refused')).toMatchObject([{ name: 'sign_in_unavailable' }]);
    expect(keys.asked()).toBe(1);
  });
});
