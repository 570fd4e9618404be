/** Tokens that sign nobody in, made from good claims and true keys. `sign-in.test.ts` shows the first list to one sign-in. */
import { createHmac } from 'node:crypto';
import type { CodeName } from '../../../protocol/index.ts';
import {
  claimsOf,
  jwtSecret,
  keyToken,
  makeToken,
  secretToken,
  type KeyPair,
} from '../../support/stand-ins/tokens.ts';

/** `auth.token`, and the refusal if it is not `token_invalid`. */
export type TokenRow = readonly [name: string, token: unknown, refusal?: CodeName];

/** The issuer and the audience that the cluster asks for. */
export const issuer = 'https://sign-in.example';
export const audience = 'tickwire';

const nowS = Math.floor(Date.now() / 1_000);
export const goodClaims = { ...claimsOf('ann'), iss: issuer, aud: audience };
/** Signed as it must be. A claim that is undefined is left out. */
const token = (claims: object = {}, header: object = {}): string =>
  secretToken({ ...goodClaims, ...claims }, { header: { alg: 'HS256', typ: 'JWT', ...header } });
const unsigned = (header: object): string => makeToken(header, goodClaims, () => Buffer.alloc(0));
const good = token();

const claims: Readonly<Record<string, readonly unknown[]>> = {
  exp: [undefined, String(nowS + 600), Date.now() + 600_000, nowS + 2 * 366 * 86_400, Infinity, null],
  nbf: [nowS + 600, 'now'],
  iat: [nowS + 600, Date.now(), 'now'],
  iss: [undefined, 'https://evil.example', `${issuer}/`, `${issuer}.evil.example`, [issuer]],
  aud: [undefined, 'other', `${audience}2`, ['other', `${audience}2`], { tickwire: true }],
  sub: [undefined, null, 5, { id: 'ann' }, ['ann'], '', 'a'.repeat(129), 'a'.repeat(5_000)],
  symbols: ['BTC-USD', null, ['B*C'], ['*-USD']],
};
const badSubs = ['ann/../bob', 'a*', 'ann\n', 'ann ', 'ann\0', 'аnn'];
const headers: Readonly<Record<string, readonly unknown[]>> = {
  alg: [undefined, null, 5, ['HS256'], '', 'hs256', 'HS384', 'HS512', 'RS256', 'ES256', 'EdDSA', 'dir'],
  jku: ['https://evil.example/jwks.json', null],
  jwk: [{ kty: 'oct', k: 'ZHVtbXk' }],
  x5u: ['https://evil.example/cert.pem'],
  crit: [['exp'], ['dummy'], [], null],
};

export const secretTokenRows: readonly TokenRow[] = [
  ...[undefined, null, ''].map((none): TokenRow => [`nothing: ${none}`, none, 'token_required']),
  ['a number', 5],
  ['true', true],
  ['a list', [good]],
  ['an object', { toString: good }],
  ...['dummy', '..', 'a.b', 'a.b.c.d.e'].map((text): TokenRow => [text, text]),
  ['a blank before it', ` ${good}`],
  ['a scheme', `Bearer ${good}`],
  ['a fourth part', `${good}.x`],
  ['a sub of 90 KB', token({ sub: 'x'.repeat(67_000) })],
  ['no signature', good.slice(0, good.lastIndexOf('.') + 1)],
  ['half a signature', good.slice(0, -22)],
  ['another secret', secretToken(goodClaims, { secret: 'dummy-secret-that-is-long-enough-2' })],
  ['an empty secret', secretToken(goodClaims, { secret: '' })],
  [
    'HS512 with the same secret',
    makeToken({ alg: 'HS512' }, goodClaims, (input) =>
      createHmac('sha512', jwtSecret).update(input).digest(),
    ),
  ],
  ...['none', 'None', 'NONE', 'nOnE'].flatMap((alg): TokenRow[] => [
    [`alg ${alg}, without a signature`, unsigned({ alg })],
    [`alg ${alg}, with a true one`, token({}, { alg })],
  ]),
  ...Object.entries(headers).flatMap(([name, values]) =>
    values.map((value): TokenRow => [
      `the header ${name}: ${JSON.stringify(value)}`,
      token({}, { dummy: 1, [name]: value }),
    ]),
  ),
  ['a header that is no JSON', secretToken(goodClaims, { header: '{' })],
  ...['{"sub":', '{"sub":"ann","exp":1e400}', '[]', '"ann"', '5', 'null', '', 'é'].map(
    (payload): TokenRow => [`the payload ${payload}`, secretToken(payload)],
  ),
  ...Object.entries({ ...claims, sub: [...(claims['sub'] ?? []), ...badSubs] }).flatMap(([name, values]) =>
    values.map((value): TokenRow => [
      `the claim ${name}: ${JSON.stringify(value)?.slice(0, 40)}`,
      token({ [name]: value }),
    ]),
  ),
  ['an exp that is over', token({ exp: nowS - 10 }), 'token_expired'],
];

/** Forged tokens for a cluster that has the public key of the pair. The stranger has another key of the same name. */
export function keyTokenRows(pair: KeyPair, stranger: KeyPair): readonly TokenRow[] {
  const hmac = (secret: string | Buffer, alg = 'HS256'): string =>
    secretToken(goodClaims, { secret, header: { alg, kid: 'k1' } });
  const pem = pair.publicKey.export({ type: 'spki', format: 'pem' });
  const evil = 'https://evil.example/jwks.json';
  return [
    ['HS256 with the public key as PEM', hmac(pem)],
    ['HS256 with the public key as DER', hmac(pair.publicKey.export({ type: 'spki', format: 'der' }))],
    ['HS256 with the public key as JWK', hmac(JSON.stringify(pair.jwk))],
    ['an HMAC that is called RS256', hmac(pem, 'RS256')],
    ['alg none', unsigned({ alg: 'none', kid: 'k1' })],
    ...[{}, { jwk: stranger.jwk }, { jku: evil }, { x5u: evil }].map((more): TokenRow => [
      `a stranger of the same name with ${Object.keys(more).join() || 'nothing more'}`,
      keyToken(goodClaims, stranger, { alg: 'RS256', kid: 'k1', ...more }),
    ]),
    ...['PS256', 'RS384', 'ES256'].map((alg): TokenRow => [
      `${alg} signed as RS256`,
      keyToken(goodClaims, pair, { alg, kid: 'k1' }),
    ]),
    ...['k2', '../../../../etc/passwd', "k1' OR '1'='1", 5, { $ne: null }, '__proto__'].map(
      (kid): TokenRow => [
        `the kid ${JSON.stringify(kid)}`,
        keyToken(goodClaims, pair, { alg: 'RS256', kid }),
      ],
    ),
  ];
}
