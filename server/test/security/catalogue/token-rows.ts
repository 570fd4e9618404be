/** Tokens that nobody may sign in with, made from good claims and true keys. */
import { createHmac } from 'node:crypto';
import { claimsOf, jwtSecret, keyToken, makeToken, secretToken, type KeyPair } from '../../support/tokens.ts';
import type { Row } from '../row.ts';

/** What is shown as `auth.token`, made when it is its turn; and the name of the refusal. */
export type TokenRow<Keys = void> = Row<(keys: Keys) => unknown, string>;

/** The issuer and the audience that the cluster asks for. */
export const issuer = 'https://sign-in.example';
export const audience = 'tickwire';

const good = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...claimsOf('ann'),
  iss: issuer,
  aud: audience,
  ...more,
});
/** Good claims without one of them. */
const without = (name: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(good()).filter(([claim]) => claim !== name));
const inS = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;
const yearS = 366 * 86_400;
const hs256 = { alg: 'HS256', typ: 'JWT' };
const unsigned = (): Buffer => Buffer.alloc(0);

const invalid = (name: string, send: () => unknown): TokenRow => ({ name, send, expect: 'token_invalid' });
/** A token with this claim of another kind, signed as it must be. */
const claim = (name: string, more: () => Record<string, unknown>): TokenRow =>
  invalid(name, () => secretToken(good(more())));
const header = (name: string, more: Record<string, unknown>): TokenRow =>
  invalid(name, () => secretToken(good(), { header: { ...hs256, ...more } }));

/** Where tokens are signed with a secret. */
export const secretTokenRows: readonly TokenRow[] = [
  { name: 'no token', send: () => undefined, expect: 'token_required' },
  { name: 'null', send: () => null, expect: 'token_required' },
  { name: 'an empty text', send: () => '', expect: 'token_required' },
  invalid('a number', () => 5),
  invalid('a list', () => [secretToken(good())]),
  invalid('an object', () => ({ toString: secretToken(good()) })),
  invalid('true', () => true),
  invalid('a text', () => 'dummy'),
  invalid('two dots', () => '..'),
  invalid('a token with a scheme', () => `Bearer ${secretToken(good())}`),
  invalid('a token with a fourth part', () => `${secretToken(good())}.x`),
  invalid('a token of 90 KB', () => secretToken(good({ more: 'x'.repeat(67_000) }))),
  ...['none', 'None', 'NONE', 'nOnE'].flatMap((alg) => [
    invalid(`alg ${alg}, without a signature`, () => makeToken({ alg }, good(), unsigned)),
    invalid(`alg ${alg}, with a true one`, () => secretToken(good(), { header: { alg } })),
  ]),
  invalid('HS256 without a signature', () => makeToken(hs256, good(), unsigned)),
  invalid('HS256 with half a signature', () => secretToken(good()).slice(0, -22)),
  invalid('HS512 with the same secret', () =>
    makeToken({ alg: 'HS512' }, good(), (input) => createHmac('sha512', jwtSecret).update(input).digest()),
  ),
  header('no alg', { alg: undefined }),
  header('alg as a list', { alg: ['HS256'] }),
  header('alg in lower case', { alg: 'hs256' }),
  header('RS256, signed as HS256', { alg: 'RS256' }),
  invalid('another secret', () => secretToken(good(), { secret: 'dummy-secret-that-is-long-enough-2' })),
  invalid('an empty secret', () => secretToken(good(), { secret: '' })),
  header('a jku', { jku: 'https://evil.example/jwks.json' }),
  header('a jwk', { jwk: { kty: 'oct', k: 'ZHVtbXk' } }),
  header('an x5u', { x5u: 'https://evil.example/cert.pem' }),
  header('a crit', { crit: ['dummy'], dummy: 1 }),
  header('an empty crit', { crit: [] }),
  invalid('a header that is no JSON', () => secretToken(good(), { header: '{' })),
  invalid('a payload that is no JSON', () => secretToken('{"sub":')),
  invalid('a payload that is a list', () => secretToken([good()])),
  invalid('a payload that is a text', () => secretToken('"ann"')),
  invalid('a payload that is null', () => secretToken('null')),
  invalid('no exp', () => secretToken(without('exp'))),
  claim('exp as a text', () => ({ exp: String(inS(600)) })),
  claim('exp in milliseconds', () => ({ exp: Date.now() + 600_000 })),
  claim('exp years away', () => ({ exp: inS(2 * yearS) })),
  claim('exp of 1e400', () => ({ exp: Infinity })),
  claim('exp that is null', () => ({ exp: null })),
  { name: 'an exp that is over', send: () => secretToken(good({ exp: inS(-10) })), expect: 'token_expired' },
  claim('nbf in the future', () => ({ nbf: inS(60) })),
  claim('nbf as a text', () => ({ nbf: 'now' })),
  claim('iat in the future', () => ({ iat: inS(60) })),
  claim('iat as a text', () => ({ iat: 'now' })),
  claim('another issuer', () => ({ iss: 'https://evil.example' })),
  claim('an issuer with a slash more', () => ({ iss: `${issuer}/` })),
  invalid('no issuer', () => secretToken(without('iss'))),
  claim('another audience', () => ({ aud: 'other' })),
  claim('other audiences', () => ({ aud: ['other', `${audience}2`] })),
  invalid('no audience', () => secretToken(without('aud'))),
  invalid('no sub', () => secretToken(without('sub'))),
  claim('sub as an object', () => ({ sub: { id: 'ann' } })),
  claim('sub as a number', () => ({ sub: 5 })),
  claim('an empty sub', () => ({ sub: '' })),
  claim('a sub of 5 KB', () => ({ sub: 'a'.repeat(5_000) })),
  claim('a sub with a separator', () => ({ sub: 'ann/../bob' })),
  claim('a sub with a glob', () => ({ sub: 'a*' })),
  claim('a sub with a line break', () => ({ sub: 'ann\n' })),
  claim('symbols as a text', () => ({ symbols: 'BTC-USD' })),
  claim('symbols with a glob within', () => ({ symbols: ['B*C'] })),
];

/** A pair that signs, a stranger of the same name, and where the keys are. */
export interface TokenKeys {
  pair: KeyPair;
  stranger: KeyPair;
  url: string;
}

const forged = (name: string, send: (keys: TokenKeys) => string): TokenRow<TokenKeys> => ({
  name,
  send,
  expect: 'token_invalid',
});
/** Signed with the stranger's key, with this in the header besides. */
const strange = (name: string, more: (keys: TokenKeys) => object): TokenRow<TokenKeys> =>
  forged(name, (keys) => keyToken(good(), keys.stranger, { alg: 'RS256', kid: 'k1', ...more(keys) }));
const kid = (name: string, value: unknown): TokenRow<TokenKeys> =>
  forged(name, ({ pair }) => keyToken(good(), pair, { alg: 'RS256', kid: value }));

/** Where tokens are signed with a private key, and proved with public ones from an address. */
export const keyTokenRows: readonly TokenRow<TokenKeys>[] = [
  forged('HS256 with the public key as PEM', ({ pair }) =>
    secretToken(good(), {
      secret: pair.publicKey.export({ type: 'spki', format: 'pem' }),
      header: { alg: 'HS256', kid: 'k1' },
    }),
  ),
  forged('HS256 with the public key as DER', ({ pair }) =>
    secretToken(good(), {
      secret: pair.publicKey.export({ type: 'spki', format: 'der' }),
      header: { alg: 'HS256', kid: 'k1' },
    }),
  ),
  forged('HS256 with the public key as JWK', ({ pair }) =>
    secretToken(good(), { secret: JSON.stringify(pair.jwk), header: { alg: 'HS256', kid: 'k1' } }),
  ),
  forged('an HMAC that is called RS256', ({ pair }) =>
    secretToken(good(), {
      secret: pair.publicKey.export({ type: 'spki', format: 'pem' }),
      header: { alg: 'RS256', kid: 'k1' },
    }),
  ),
  forged('alg none', () => makeToken({ alg: 'none', kid: 'k1' }, good(), unsigned)),
  strange('a stranger of the same name', () => ({})),
  strange('a stranger that brings its key', ({ stranger }) => ({ jwk: stranger.jwk })),
  strange('a stranger that says where its key is', ({ url }) => ({ jku: url })),
  strange('a stranger with a certificate', ({ url }) => ({ x5u: url })),
  forged('PS256 signed as RS256', ({ pair }) => keyToken(good(), pair, { alg: 'PS256', kid: 'k1' })),
  forged('RS384 signed as RS256', ({ pair }) => keyToken(good(), pair, { alg: 'RS384', kid: 'k1' })),
  forged('ES256 signed as RS256', ({ pair }) => keyToken(good(), pair, { alg: 'ES256', kid: 'k1' })),
  kid('a kid that is not there', 'k2'),
  kid('a kid that is a path', '../../../../etc/passwd'),
  kid('a kid that is a query', "k1' OR '1'='1"),
  kid('a kid that is a number', 5),
  kid('a kid that is an object', { $ne: null }),
  kid('a kid of a prototype', '__proto__'),
];
