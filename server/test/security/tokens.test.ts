/** No token that is bad in any way signs anybody in, on any replica, and none is found in a log. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { codes, type CodeName, type Refusal } from '../../protocol/index.ts';
import { createRecorder } from '../support/clients/recorder.ts';
import {
  createKeyServer,
  jwtSecret,
  keyToken,
  makeKeyPair,
  secretToken,
  type KeyServer,
} from '../support/stand-ins/tokens.ts';
import { until } from '../support/until.ts';
import { audience, goodClaims, issuer, keyTokenRows, secretTokenRows } from './catalogue/token-rows.ts';
import { startWatchedCluster, type WatchedCluster } from './watched-cluster.ts';

const rules = { AUTH_MODE: 'jwt', JWT_ISSUER: issuer, JWT_AUDIENCE: audience };
/** The beginning of the header and of the payload of any token. */
const anyToken = /eyJ[\w-]{6}/;

/** What a stock client is told that shows this in its handshake; it must have got nothing else. */
async function refusalOf(url: string, token: unknown): Promise<Refusal> {
  const client = createRecorder(url, { transports: ['websocket'], auth: { token }, reconnection: false });
  onTestFinished(() => client.close());
  const told: Refusal[] = [];
  client.socket.on('connect_error', (error) => void told.push((error as Error & { data: Refusal }).data));
  client.socket.on('refused', (refused: Refusal) => void told.push(refused));
  await until(() => told.length > 0, { saw: () => client.events });
  expect(client.events.filter(({ event }) => event !== 'refused')).toEqual([]);
  const [refused] = told;
  if (refused === undefined) throw new Error('nothing was told');
  return refused;
}

function expected(name: CodeName = 'token_invalid'): object {
  const { code, retry } = codes[name];
  return { code, name, retry };
}

describe('jwt', () => {
  let cluster: WatchedCluster;

  beforeAll(async () => {
    const token = secretToken({ ...goodClaims, sub: 'honest' });
    cluster = await startWatchedCluster({
      env: { ...rules, JWT_SECRET: jwtSecret, MAX_CONNECTIONS_PER_USER: '10' },
      honest: { auth: { token } },
    });
  });
  afterAll(() => cluster.stop());

  for (const [name, token, refused] of secretTokenRows)
    it(`secret: ${name}`, async () => {
      expect(await refusalOf(cluster.url, token)).toMatchObject(expected(refused));
      await cluster.unharmed();
    });

  it('secret: a token of 10 MB ends its connection', async () => {
    const client = createRecorder(cluster.url, {
      transports: ['websocket'],
      auth: { token: 'x'.repeat(10_000_000) },
      reconnection: false,
    });
    onTestFinished(() => client.close());
    await new Promise((resolve) => client.socket.io.engine.once('close', resolve));
    expect(client.events).toEqual([]);
    await cluster.unharmed();
  });

  it.each(['token', 'access_token', 'id_token', 'jwt'])(
    'secret: %s in the address, beside a good one',
    async (name) => {
      const token = secretToken(goodClaims);
      const query = `${name}=${token}`;
      const headers = { Authorization: `Bearer ${token}` };
      for (const path of ['/socket.io/?EIO=4&transport=polling&', '/api/ticks?', '/?']) {
        const answer = await fetch(cluster.url + path + query, { headers });
        expect(answer.status).toBe(401);
        expect(await answer.text()).not.toContain(token);
      }
      // Past Nginx, as where nobody has one.
      const [replica] = cluster.replicas;
      const refused = await refusalOf(`${replica?.url}?${query}`, token);
      expect(refused).toMatchObject(expected());
      await cluster.unharmed();
    },
  );

  it('secret: no token is in any log, and nothing crashed', async () => {
    expect(await cluster.endAndFindLeaks([anyToken, new RegExp(jwtSecret)])).toEqual([]);
  });
});

describe('jwks', () => {
  const [pair, stranger] = [makeKeyPair('RS256', 'k1'), makeKeyPair('RS256', 'k1')];
  let keys: KeyServer & { close(): void };
  let cluster: WatchedCluster;

  beforeAll(async () => {
    keys = await createKeyServer([pair]);
    cluster = await startWatchedCluster({
      env: { ...rules, JWKS_URL: keys.url, MAX_CONNECTIONS_PER_USER: '10' },
      honest: { auth: { token: keyToken({ ...goodClaims, sub: 'honest' }, pair) } },
    });
  });
  afterAll(async () => {
    await cluster?.stop();
    keys?.close();
  });

  for (const [name, token, refused] of keyTokenRows(pair, stranger))
    it(`keys: ${name}`, async () => {
      expect(await refusalOf(cluster.url, token)).toMatchObject(expected(refused));
      await cluster.unharmed();
    });

  it('keys: no token is in any log, and nothing crashed', async () => {
    expect(await cluster.endAndFindLeaks([anyToken])).toEqual([]);
  });
});
