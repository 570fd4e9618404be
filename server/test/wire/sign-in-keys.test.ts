/** Tokens signed with public keys, which the replica fetches from JWKS_URL. */
import { expect, it } from 'vitest';
import { claimsOf, keyToken, makeKeyPair, secretToken, startKeyServer } from '../support/stand-ins/tokens.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

const rsa = makeKeyPair('RS256', 'rs');
const elliptic = makeKeyPair('ES256', 'es');
const claims = claimsOf('ann');

/** The HTTP status, and the refusal's name, of a call with that token. */
async function shown({ api }: ReplicaUnderTest, token: string): Promise<unknown[]> {
  const answer = await api('GET', 'ticks', undefined, { Authorization: `Bearer ${token}` });
  return [answer.status, ((await answer.json()) as { name?: string }).name];
}

it('[SI3] accepts RS256, PS256, ES256 and EdDSA, and fetches the keys once', async () => {
  const pairs = [rsa, { ...rsa, alg: 'PS256' as const, kid: 'ps' }, elliptic, makeKeyPair('EdDSA', 'ed')];
  const keys = await startKeyServer([
    ...pairs.map(({ jwk, alg, kid, ...pair }) => ({ ...pair, alg, kid, jwk: { ...jwk, alg, kid } })),
    makeKeyPair('ES256', 'other'),
  ]);
  const under = await startReplica({ AUTH_MODE: 'jwt', JWKS_URL: keys.url });
  const client = await under.join({ auth: { token: keyToken(claims, rsa) } });
  expect(client.hellos()).toMatchObject([{ user: 'ann' }]);
  for (const pair of pairs)
    expect([pair.alg, ...(await shown(under, keyToken(claims, pair)))]).toEqual([pair.alg, 200, undefined]);
  expect(keys.asked()).toBe(1);
});

it('[SI3] rejects every other token, such as one signed with the public key as a secret', async () => {
  const keys = await startKeyServer([rsa]);
  const under = await startReplica({ AUTH_MODE: 'jwt', JWKS_URL: keys.url }, { speed: 8 });
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const stranger = { ...makeKeyPair('RS256', 'rs') };
  for (const token of [
    secretToken(claims, { secret: pem, header: { alg: 'HS256', kid: 'rs' } }),
    secretToken(claims, { secret: pem, header: { alg: 'RS256', kid: 'rs' } }),
    secretToken(claims, { secret: JSON.stringify(rsa.jwk), header: { alg: 'HS256', kid: 'rs' } }),
    keyToken(claims, stranger),
    keyToken(claims, stranger, { alg: 'RS256', kid: 'rs', jwk: stranger.jwk }),
    keyToken(claims, stranger, { alg: 'RS256', kid: 'rs', jku: keys.url }),
    keyToken(claims, rsa, { alg: 'PS256', kid: 'rs' }),
    keyToken(claims, rsa, { alg: 'RS384', kid: 'rs' }),
    keyToken(claims, rsa, { alg: 'RS256', kid: '../../rs' }),
    keyToken(claims, rsa, { alg: 'RS256', kid: 5 }),
    keyToken(claims, rsa, { alg: 'RS256', kid: { $ne: null } }),
  ])
    expect(await shown(under, token)).toEqual([401, 'token_invalid']);
  expect(await shown(under, keyToken(claims, rsa, { alg: 'RS256' }))).toEqual([200, undefined]);
});

it('[SI3] finds a new key, and accepts a removed key no longer', async () => {
  const young = makeKeyPair('ES256', 'young');
  const keys = await startKeyServer([elliptic]);
  const under = await startReplica({ AUTH_MODE: 'jwt', JWKS_URL: keys.url });
  await under.join({ auth: { token: keyToken(claims, elliptic) } });
  keys.say([young]);
  // The first to show the new key waits for it, however young the old keys are.
  const client = under.connect({ auth: { token: keyToken(claimsOf('bob'), young) } });
  expect(await shown(under, keyToken(claims, young))).toEqual([200, undefined]);
  await client.seen('hello');
  expect(client.hellos()).toMatchObject([{ user: 'bob' }]);
  expect(keys.asked()).toBe(2);
  expect((await shown(under, keyToken(claims, elliptic)))[0]).toBe(401);
  expect(keys.asked()).toBe(3);
});

it('[SI8] while the keys cannot be fetched, clients are refused for later and come back by themselves', async () => {
  const keys = await startKeyServer([]);
  keys.say('<html>no keys here</html>');
  const env = { AUTH_MODE: 'jwt', JWKS_URL: keys.url };
  const { connect, logs } = await startReplica(env, { speed: 4, random: () => 0 });
  const client = connect({ auth: { token: keyToken(claims, elliptic) }, reconnectionDelay: 10 });
  await client.seen('refused');
  expect(client.of('refused')).toMatchObject([{ name: 'sign_in_unavailable', retry: 'later' }]);
  keys.say([elliptic]);
  await client.seen('hello', 1, 10_000);
  expect(client.hellos()).toMatchObject([{ user: 'ann' }]);
  expect(logs.filter((line) => line.includes('the keys of tokens cannot be had'))).toHaveLength(1);
});

it('[SI8] a key server that never answers is asked once, and clients are refused before CONNECT_TIMEOUT_MS', async () => {
  const keys = await startKeyServer([]);
  keys.say(null);
  const { connect } = await startReplica({ AUTH_MODE: 'jwt', JWKS_URL: keys.url });
  const clients = [1, 2, 3].map(() => connect({ auth: { token: keyToken(claims, elliptic) } }));
  for (const client of clients) await client.seen('refused', 1, 10_000);
  expect(clients[0]?.of('refused')).toMatchObject([{ name: 'sign_in_unavailable' }]);
  expect(keys.asked()).toBe(1);
});
