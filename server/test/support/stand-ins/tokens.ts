/** Makes signed tokens (JWT) with Node's own crypto, good ones and bad ones, and a server of public keys. */
import { createHmac, generateKeyPairSync, sign, constants, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

type PublicAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

/** A pair of keys, and its public half as a JWKS has it. */
export interface KeyPair {
  alg: PublicAlgorithm;
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  jwk: object;
}

/** A secret that is long enough, and that nobody took from an example. */
export const jwtSecret = 'G7rD2v9QmXw4LkT1bZ8yNc5HsJ6pFa3E';

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Header and payload are JSON, or text that stands where JSON belongs. */
export function makeToken(header: unknown, payload: unknown, signature: (input: string) => Buffer): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${signature(input).toString('base64url')}`;
}

/** Signed with a secret by HMAC and SHA-256, whatever the header says. */
export function secretToken(
  payload: unknown,
  {
    secret = jwtSecret,
    header = { alg: 'HS256', typ: 'JWT' },
  }: { secret?: string | Buffer; header?: unknown } = {},
): string {
  return makeToken(header, payload, (input) => createHmac('sha256', secret).update(input).digest());
}

/** A new pair each time: P-256, Ed25519, or RSA of 2,048 bits. The JWKS entry has `alg`, `kid` and `use: sig`. */
export function makeKeyPair(alg: PublicAlgorithm, kid: string): KeyPair {
  const { privateKey, publicKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: 2_048 });
  return {
    alg,
    kid,
    privateKey,
    publicKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), alg, kid, use: 'sig' },
  };
}

/** Signed with a private key; the header may be another. */
export function keyToken(
  payload: unknown,
  { alg, kid, privateKey }: KeyPair,
  header: object = { alg, kid },
): string {
  return makeToken(header, payload, (input) => {
    const data = Buffer.from(input);
    if (alg === 'EdDSA') return sign(null, data, privateKey);
    if (alg === 'ES256') return sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const padding = alg === 'PS256' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
    return sign('sha256', data, { key: privateKey, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
  });
}

/** Claims of a good token, in seconds from now. */
export function claimsOf(
  sub: unknown,
  { endsInS = 600, ...more }: Record<string, unknown> & { endsInS?: number } = {},
) {
  const nowS = Math.floor(Date.now() / 1_000);
  return { sub, iat: nowS, exp: Date.now() / 1_000 + endsInS, ...more };
}

/** A JWKS server in a test's hands. Told to say nothing, it leaves every request open. */
export interface KeyServer {
  readonly url: string;
  /** How often it was asked. */
  asked(): number;
  /** What it says from now on: these keys, a text as it is, or nothing at all, ever. */
  say(what: readonly KeyPair[] | string | null): void;
}

/** Listens on loopback until it is closed. */
export async function createKeyServer(
  keys: readonly KeyPair[],
  port = 0,
): Promise<KeyServer & { close(): void }> {
  let said: readonly KeyPair[] | string | null = keys;
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    if (said === null) return;
    response.setHeader('Content-Type', 'application/json');
    response.end(typeof said === 'string' ? said : JSON.stringify({ keys: said.map(({ jwk }) => jwk) }));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    asked: () => asked,
    say: (what) => void (said = what),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The same, and it ends with the test. */
export async function startKeyServer(keys: readonly KeyPair[], port = 0): Promise<KeyServer> {
  const server = await createKeyServer(keys, port);
  onTestFinished(() => server.close());
  return server;
}
