/** A run with every part that has a secret, and everything going wrong that can: none of them is in any log. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { expect, it, onTestFinished } from 'vitest';
import { backendSecret, startBackend } from '../support/stand-ins/backend.ts';
import { createPlainClient } from '../support/clients/plain-client.ts';
import { jwtSecret, secretToken } from '../support/stand-ins/tokens.ts';
import { until } from '../support/until.ts';
import { apiKey, healthOf, startClusterUnderTest } from './cluster-under-test.ts';

const redisPassword = 'redis-password-0001';
const backendQuery = 'backend-query-0001';

it('no key, token, cookie, password or secret is in a log, with Redis and the backend away and a password refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-secrets-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const backend = await startBackend();
  const cluster = await startClusterUnderTest({
    replicas: 2,
    logFolder: folder,
    redis: { args: ['--user', 'tick', 'on', `>${redisPassword}`, '~*', '&*', '+@all'] },
    env: {
      LOG_LEVEL: 'trace',
      LOG_TO_FILE: 'true',
      LOG_DIR: join(folder, 'files'),
      LOG_MAX_PER_SECOND: '0',
      AUTH_MODE: 'jwt',
      JWT_SECRET: jwtSecret,
      BACKEND_URL: backend.url.replace('from=test', `key=${backendQuery}`),
      BACKEND_SECRET: backendSecret,
      BACKEND_TIMEOUT_MS: '500',
    },
    launchOf: (_node, redisUrl) => ({
      env: { REDIS_URL: redisUrl.replace('redis://', `redis://tick:${redisPassword}@`) },
    }),
  });
  const [first, second] = cluster.replicas.map(({ url }) => url);
  if (first === undefined || second === undefined) throw new Error('fewer than two replicas');
  const token = secretToken({ sub: 'ann', exp: Math.floor(Date.now() / 1_000) + 600 });
  const forged = secretToken({ sub: 'ben' }, { secret: 'another-secret-of-32-bytes-or-more' });
  const client = cluster.connect({
    transports: ['websocket'],
    auth: { token },
    extraHeaders: { Cookie: 'visitor=cookie-0001' },
  });
  await client.seen('hello', 1, 10_000);
  const [hello] = client.hellos();
  const sessionSecret = hello?.secret ?? '';
  await client.subscribe(['BTC-USD']);
  cluster.connect({ auth: { token: forged }, reconnection: false });
  const query = { token: 'query-token-0001' };
  cluster.connect({ transports: ['websocket'], reconnection: false, query }, first);
  const operator = cluster.connect({ transports: ['websocket'], auth: { token, apiKey } }, first);
  await operator.call('watch', ['cluster']);
  const plain = createPlainClient(second, '/stream/BTC-USD', {
    headers: { Authorization: `Bearer ${token}` },
  });
  onTestFinished(() => plain.close());
  await plain.seen('hello');

  const headers = { Cookie: 'visitor=cookie-0001', 'Content-Type': 'application/json' };
  const send = (
    url: string,
    path: string,
    method = 'GET',
    more: Record<string, string> = {},
    body?: object,
  ) =>
    fetch(url + path, {
      method,
      headers: { ...headers, ...more },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).then((answer) => answer.status);
  const ask = (
    url: string,
    path: string,
    method?: string,
    more: Record<string, string> = {},
    body?: object,
  ) => send(url, path, method, { 'X-API-Key': apiKey, ...more }, body);
  /** Without a key: one that is empty counts as shown, and nothing else is read then. */
  const askQuote = (url: string, authorization: string) =>
    send(url, '/api/quote', 'POST', { Authorization: authorization }, { userId: 'ann', symbol: 'BTC-USD' });
  /** Of a token, of a session's secret and of a wrong one, at each of the addresses. */
  const quotes: number[][] = [];
  async function askAll(): Promise<void> {
    for (const url of [first ?? '', second ?? '', cluster.url]) {
      for (const path of ['/api/status', '/api/nodes', '/api/stats/connections', '/api/nope', '/health'])
        await ask(url, path);
      await ask(url, '/api/message', 'POST', {}, { recipient: 'ann', content: 'content-0001' });
      quotes.push([
        await askQuote(url, `Bearer ${token}`),
        await askQuote(url, `Session ${hello?.session}:${sessionSecret}`),
        await askQuote(url, `Session ${hello?.session}:wrong-0001`),
      ]);
      await ask(url, '/api/symbols/DEMO', 'PUT', {}, { feed: 'push' });
      await send(url, '/api/nodes', 'GET', { 'X-API-Key': 'wrong-key-0001', 'X-Request-Id': 'no id-0001' });
      await fetch(`${url}/api/ticks`, {
        method: 'PUT',
        headers: { ...headers, 'X-API-Key': apiKey },
        body: '{"password": "in-body-0001"',
      });
      await ask(url, `/api/ticks?token=${token}&apiKey=${apiKey}`);
      await ask(url, '/api/ticks', 'PUT', { 'Idempotency-Key': 'idempotency-0001' }, [
        { symbol: 'DEMO', price: '1' },
      ]);
    }
    await client.call('order', { note: 'order-0001' }).catch(() => null);
    await client.call('refresh_token', forged).catch(() => null);
    await client.call('send_message', { recipient: 'ann', content: 'content-0001' }).catch(() => null);
  }
  await askAll();
  expect(new Set(quotes.splice(0).map(String))).toEqual(new Set(['200,200,401']));

  await backend.stop();
  const redis = createClient({ url: cluster.redis.url });
  onTestFinished(() => redis.destroy());
  redis.on('error', () => {});
  await redis.connect();
  await redis.sendCommand(['ACL', 'SETUSER', 'tick', 'resetpass', '>another-password']);
  await redis.sendCommand(['CLIENT', 'KILL', 'USER', 'tick', 'SKIPME', 'yes']);
  const logged = (): string =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.log'))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('');
  await until(() => logged().includes('WRONGPASS'), { withinMs: 10_000 });
  await askAll();
  expect(new Set(quotes.splice(0).map(String))).toEqual(new Set(['503,503,503']));
  await cluster.redis.kill('SIGKILL');
  await until(async () => (await healthOf(first ?? '')).backplane.state === 'down', { withinMs: 10_000 });
  await cluster.redis.restart();
  await until(
    async () => (await ask(first, '/api/ticks', 'PUT', {}, [{ symbol: 'DEMO', price: '2' }])) === 200,
    { withinMs: 15_000 },
  );
  await cluster.replicas[0]?.kill('SIGKILL');
  await client.seen('hello', 1);
  await cluster.stop();

  expect(readdirSync(join(folder, 'files')).toSorted()).toEqual(['tickwire-r1.log', 'tickwire-r2.log']);
  const text = logged();
  // They were there to be written: each of these has its lines.
  for (const shown of ['/api/quote', '/api/nope', 'WRONGPASS', 'the lease cannot be reached'])
    expect(text).toContain(shown);
  const signatures = [token, forged].map((one) => one.split('.')[2] ?? '');
  const hidden = {
    apiKey,
    jwtSecret,
    backendSecret,
    redisPassword,
    backendQuery,
    sessionSecret,
    tokens: signatures[0] ?? '',
    forged: signatures[1] ?? '',
    query: query.token,
    wrongKey: 'wrong-key-0001',
    requestId: 'no id-0001',
    body: 'in-body-0001',
    cookie: 'cookie-0001',
    wrong: 'wrong-0001',
    idempotency: 'idempotency-0001',
    content: 'content-0001',
    order: 'order-0001',
    session: client.hellos().at(-1)?.secret ?? '',
  };
  expect(Object.values(hidden).filter((one) => one.length < 10)).toEqual([]);
  const leaks = Object.entries(hidden).flatMap(([name, one]) =>
    text
      .split('\n')
      .filter((line) => line.includes(one))
      .slice(0, 2)
      .map((line) => `${name}: ${line}`),
  );
  expect(leaks).toEqual([]);
});
