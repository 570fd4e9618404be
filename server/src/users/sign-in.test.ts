import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jwtSecret, makeToken, secretToken } from '../../test/support/tokens.ts';
import { SignInRefused, type Credentials, type Identity } from './identity.ts';
import { createSignIn, maxTokenLength, type TokenRules } from './sign-in.ts';

const now = Date.UTC(2025, 5, 1);
const nowS = now / 1_000;
const clock = { now: () => now, after: () => () => {} };

const key = { secret: jwtSecret };
const rules: TokenRules = { mode: 'jwt', key, issuer: null, audience: null, maxAgeS: null };

async function outcomeOf(
  credentials: Credentials,
  more: Partial<TokenRules> = {},
): Promise<Identity | SignInRefused> {
  const signIn = createSignIn({ auth: { ...rules, ...more }, clock });
  try {
    return await signIn(credentials);
  } catch (error) {
    if (error instanceof SignInRefused) return error;
    throw error;
  }
}

async function signedIn(claims: object, more: Partial<TokenRules> = {}): Promise<Identity> {
  const outcome = await outcomeOf({ token: secretToken(claims) }, more);
  if (outcome instanceof SignInRefused) throw outcome;
  return outcome;
}

async function refusedAs(credentials: Credentials, more: Partial<TokenRules> = {}): Promise<string> {
  const outcome = await outcomeOf(credentials, more);
  return outcome instanceof SignInRefused ? outcome.refusal.name : `signed in as ${outcome.user}`;
}

const good = { sub: 'ann', iat: nowS - 10, exp: nowS + 600 };

describe('a token that is taken', () => {
  it('[SI2] says who somebody is, and until when', async () => {
    const identity = await signedIn(good);
    expect(identity).toMatchObject({ user: 'ann', expiresAt: now + 600_000 });
    expect(identity.maySee('BTC-USD')).toBe(true);
  });

  it('[SI3] may be of a user as providers name them', async () => {
    for (const sub of ['auth0|5f7c8ec7c33c6c004bbafe82', 'google-oauth2|1047', 'f:realm:ann@example.com'])
      expect(await signedIn({ ...good, sub })).toMatchObject({ user: sub });
  });

  it('[SI5] says which symbols somebody may have', async () => {
    const identity = await signedIn({ ...good, symbols: ['BTC-*', 'AAPL'] });
    expect(['BTC-EUR', 'AAPL', 'ETH-USD'].filter((symbol) => identity.maySee(symbol))).toEqual([
      'BTC-EUR',
      'AAPL',
    ]);
  });

  it.each([
    ['no iat', { sub: 'ann', exp: nowS + 60 }],
    ['an iat and nbf of clocks that are a little ahead', { ...good, iat: nowS + 4, nbf: nowS + 4 }],
    ['an exp with a fraction', { ...good, exp: nowS + 0.5 }],
    ['an exp that is nearly a year away', { ...good, exp: nowS + 365 * 86_400 }],
    ['claims that nobody asked for', { ...good, iss: 'anyone', aud: ['x'], userId: 'eve', scope: 'all' }],
  ])('[SI2] may have %s', async (_, claims) => {
    expect((await signedIn(claims)).user).toBe('ann');
  });

  it('[SI3] has the issuer and the audience that are asked for', async () => {
    const asked = { issuer: 'https://id.example', audience: 'tickwire' };
    for (const aud of ['tickwire', ['x', 'tickwire']])
      expect((await signedIn({ ...good, iss: asked.issuer, aud }, asked)).user).toBe('ann');
  });

  it('[SI3] ends at its exp, or with its age', async () => {
    const maxAgeS = 600;
    expect((await signedIn({ ...good, exp: nowS + 60 }, { maxAgeS })).expiresAt).toBe(now + 60_000);
    expect((await signedIn({ ...good, exp: nowS + 600 }, { maxAgeS })).expiresAt).toBe(now + 590_000);
  });
});

describe('a token that is not taken', () => {
  it.each([undefined, null, ''])('[SI2] none at all: %j', async (token) => {
    expect(await refusedAs({ token, userId: 'ann' })).toBe('token_required');
  });

  it.each([
    ['a number', 5],
    ['an object', { token: secretToken(good) }],
    ['a list', [secretToken(good)]],
    ['true', true],
    ['10 MB of text', 'a'.repeat(10 * 1_024 * 1_024)],
    ['one character too long', secretToken(good).padEnd(maxTokenLength + 1, 'A')],
    ['words', 'not a token'],
    ['two parts', 'a.b'],
    ['dots', '..'],
    ['five parts', 'a.b.c.d.e'],
    ['with blanks', ` ${secretToken(good)}`],
    ['with a scheme', `Bearer ${secretToken(good)}`],
  ])('[SI2] %s', async (_, token) => {
    expect(await refusedAs({ token })).toBe('token_invalid');
  });

  const namesOfNone = ['none', 'None', 'NONE', 'nOnE', ''];
  const otherNames = ['HS384', 'HS512', 'hs256', 'RS256', 'ES256', 'EdDSA', 'dir'];

  it.each([...namesOfNone, ...otherNames, 5, null, ['HS256']])(
    '[SI3] another algorithm, signed or not: %j',
    async (alg) => {
      const unsigned = makeToken({ alg }, good, () => Buffer.alloc(0));
      for (const token of [secretToken(good, { header: { alg } }), unsigned])
        expect(await refusedAs({ token })).toBe('token_invalid');
    },
  );

  it.each(['crit', 'jku', 'jwk', 'x5u'])('[SI3] a header with %s', async (name) => {
    for (const value of [['exp'], 'https://evil.example/keys', { kty: 'oct', k: 'AAAA' }, [], null]) {
      const token = secretToken(good, { header: { alg: 'HS256', exp: 1, [name]: value } });
      expect(await refusedAs({ token })).toBe('token_invalid');
    }
  });

  it('[SI3] of another secret, of no signature, and of one that was cut', async () => {
    const token = secretToken(good);
    const ofAnother = secretToken(good, { secret: `${jwtSecret} ` });
    for (const bad of [ofAnother, token.slice(0, token.lastIndexOf('.') + 1), token.slice(0, -2)])
      expect(await refusedAs({ token: bad })).toBe('token_invalid');
  });

  it.each([
    ['no exp', { sub: 'ann' }],
    ['exp as text', { sub: 'ann', exp: String(nowS + 60) }],
    ['exp null', { sub: 'ann', exp: null }],
    ['exp in milliseconds', { sub: 'ann', exp: now + 60_000 }],
    ['exp years away', { sub: 'ann', exp: nowS + 2 * 366 * 86_400 }],
    ['nbf in the future', { ...good, nbf: nowS + 60 }],
    ['nbf as text', { ...good, nbf: '0' }],
    ['iat in the future', { ...good, iat: nowS + 60 }],
    ['iat in milliseconds', { ...good, iat: now }],
    ['iat as text', { ...good, iat: '0' }],
    ['no sub', { exp: nowS + 60 }],
    ['sub as a number', { ...good, sub: 5 }],
    ['sub as an object', { ...good, sub: { toString: 'ann' } }],
    ['sub as a list', { ...good, sub: ['ann'] }],
    ['sub null', { ...good, sub: null }],
    ['sub empty', { ...good, sub: '' }],
    ['sub of 129 characters', { ...good, sub: 'a'.repeat(129) }],
    ['sub of 100 KB', { ...good, sub: 'a'.repeat(102_400) }],
    ['sub with a separator', { ...good, sub: 'ann/eve' }],
    ['sub with a line break', { ...good, sub: 'ann\neve' }],
    ['sub with a star', { ...good, sub: 'ann*' }],
    ['sub with a blank', { ...good, sub: 'ann ' }],
    ['sub with a NUL', { ...good, sub: 'ann\u0000' }],
    ['sub in other letters', { ...good, sub: 'аnn' }],
    ['symbols as text', { ...good, symbols: 'BTC-USD' }],
    ['symbols null', { ...good, symbols: null }],
    ['symbols that are none', { ...good, symbols: ['*-USD'] }],
  ])('[SI3] %s', async (_, claims) => {
    expect(await refusedAs({ token: secretToken(claims) })).toBe('token_invalid');
  });

  it('[SI3] exp of 1e400, and a payload that is no object', async () => {
    for (const payload of ['{"sub":"ann","exp":1e400}', '[]', '["ann"]', '5', 'null', '"ann"', '{', '', 'é'])
      expect(await refusedAs({ token: secretToken(payload) })).toBe('token_invalid');
  });

  it('[SI4] one that has expired may be followed by another', async () => {
    for (const exp of [nowS, nowS - 1, nowS - 1_000_000, 0, -1, -1e15]) {
      const outcome = await outcomeOf({ token: secretToken({ sub: 'ann', exp }) });
      expect(outcome).toMatchObject({ refusal: { name: 'token_expired', retry: 'later' } });
    }
  });

  it.each([
    ['no iss', { ...good, aud: 'tickwire' }],
    ['another iss', { ...good, iss: 'https://id.example.evil.example', aud: 'tickwire' }],
    ['iss as a list', { ...good, iss: ['https://id.example'], aud: 'tickwire' }],
    ['no aud', { ...good, iss: 'https://id.example' }],
    ['another aud', { ...good, iss: 'https://id.example', aud: 'tickwire2' }],
    ['other auds', { ...good, iss: 'https://id.example', aud: ['a', 'b'] }],
    ['aud as an object', { ...good, iss: 'https://id.example', aud: { tickwire: true } }],
  ])('[SI3] %s', async (_, claims) => {
    const asked = { issuer: 'https://id.example', audience: 'tickwire' };
    expect(await refusedAs({ token: secretToken(claims) }, asked)).toBe('token_invalid');
  });

  it.each([
    ['no iat', { sub: 'ann', exp: nowS + 60 }, 'token_invalid'],
    ['an iat that is too old', { sub: 'ann', iat: nowS - 3_601, exp: nowS + 60 }, 'token_expired'],
    ['an iat that is ages old', { sub: 'ann', iat: -1e15, exp: nowS + 60 }, 'token_expired'],
    ['an exp beyond it', { sub: 'ann', iat: nowS, exp: nowS + 7_200 }, 'token_invalid'],
  ])('[SI3] with a maximum age: %s', async (_, claims, name) => {
    expect(await refusedAs({ token: secretToken(claims) }, { maxAgeS: 3_600 })).toBe(name);
  });

  it.each(['token', 'access_token', 'id_token', 'jwt'])(
    '[SI6] any, where the address has %s',
    async (name) => {
      const token = secretToken(good);
      expect(await refusedAs({ token, query: { [name]: token } })).toBe('token_invalid');
      expect(await refusedAs({ query: { [name]: '' } })).toBe('token_invalid');
      const query = { cid: 'c1', transport: 'websocket' };
      expect(await refusedAs({ token, query })).toBe('signed in as ann');
    },
  );
});

describe('whatever a client shows', () => {
  const json = fc.jsonValue();
  const any = { sub: json, exp: json, iat: json, nbf: json, symbols: json, aud: json, iss: json };
  const claims = fc.oneof(
    json,
    fc.record(any, { requiredKeys: [] }),
    fc.record({ sub: fc.constant('ann'), exp: fc.constant(nowS + 60), symbols: json, iat: json, nbf: json }),
  );
  const alg = fc.oneof(fc.constant('HS256'), json);
  const header = fc.oneof(json, fc.record({ alg, kid: json, typ: json, zip: json }, { requiredKeys: [] }));

  it('[SI2] it is signed in or gets one refusal, and never another error', async () => {
    await fc.assert(
      fc.asyncProperty(header, claims, fc.boolean(), async (top, body, isOfUs) => {
        const token = secretToken(body, { header: top, secret: isOfUs ? jwtSecret : 'x'.repeat(32) });
        const outcome = await outcomeOf({ token });
        const isRefused = outcome instanceof SignInRefused && outcome.refusal.name.startsWith('token_');
        const isAnn = !isRefused && 'user' in outcome && outcome.user === 'ann';
        expect(isRefused || (isOfUs && isAnn)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('[SI2] also where it is no token at all', async () => {
    const part = fc.oneof(
      fc.base64String(),
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    const token = fc.oneof(
      fc.anything(),
      fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(token, async (shown) => {
        expect(await outcomeOf({ token: shown })).toBeInstanceOf(SignInRefused);
      }),
      { numRuns: 500 },
    );
  });

  it('[SI6] a refusal repeats nothing of the token', async () => {
    const word = 'sneaky-marker';
    for (const token of [
      secretToken({ ...good, sub: `${word}/` }),
      secretToken({ ...good, sub: word, symbols: [word, '*-'] }),
      secretToken({ ...good, iat: word }),
      secretToken(good, { header: { alg: word } }),
      secretToken(good, { header: { alg: 'HS256', crit: [word] } }),
      `${word}.${word}.${word}`,
    ]) {
      const outcome = await outcomeOf({ token });
      if (!(outcome instanceof SignInRefused)) throw new Error('it was taken');
      expect(JSON.stringify([outcome.refusal, outcome.message])).not.toContain(word);
    }
  });
});
