import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { audience, goodClaims, issuer, secretTokenRows } from '../../test/security/catalogue/token-rows.ts';
import { jwtSecret, secretToken } from '../../test/support/stand-ins/tokens.ts';
import { SignInRefused, type Credentials, type Identity } from './identity.ts';
import { createSignIn, maxTokenLength, type TokenRules } from './sign-in.ts';

const nowS = Math.floor(Date.now() / 1_000);
const now = nowS * 1_000;
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
    for (const aud of [audience, ['x', audience]])
      expect((await signedIn({ ...goodClaims, aud }, { issuer, audience })).user).toBe('ann');
  });

  it('[SI3] ends at its exp, or with its age', async () => {
    const maxAgeS = 600;
    expect((await signedIn({ ...good, exp: nowS + 60 }, { maxAgeS })).expiresAt).toBe(now + 60_000);
    expect((await signedIn({ ...good, exp: nowS + 600 }, { maxAgeS })).expiresAt).toBe(now + 590_000);
  });
});

describe('a token that is not taken', () => {
  for (const [name, token, refusal = 'token_invalid'] of secretTokenRows)
    it(`[SI2][SI3] ${name}`, async () => {
      expect(await refusedAs({ token, userId: 'ann' }, { issuer, audience })).toBe(refusal);
    });

  it('[SI2] one character too long', async () => {
    const token = secretToken(good);
    expect(await refusedAs({ token: token.padEnd(maxTokenLength + 1, 'A') })).toBe('token_invalid');
  });

  it('[SI4] one that has expired may be followed by another', async () => {
    for (const exp of [nowS, nowS - 1, nowS - 1_000_000, 0, -1, -1e15]) {
      const outcome = await outcomeOf({ token: secretToken({ sub: 'ann', exp }) });
      expect(outcome).toMatchObject({ refusal: { name: 'token_expired', retry: 'later' } });
    }
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
