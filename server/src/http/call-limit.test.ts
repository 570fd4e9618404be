/** How often a caller may call, through a true server. */
import { afterEach, describe, expect, it } from 'vitest';
import { problemOf, serveApp, testKey, type ServedApp } from '../../test/support/serve-app.ts';
import { BackplaneUnavailable, type CallLimit } from '../backplane/contract.ts';

let app: ServedApp;
let asked: { caller: string; limit: CallLimit }[] = [];
let waitMs = 0;

afterEach(async () => {
  await app.close();
  asked = [];
  waitMs = 0;
});

async function serve(options: Parameters<typeof serveApp>[0] = {}): Promise<void> {
  app = await serveApp({
    apiKeys: [{ name: 'desk', key: testKey }],
    authenticate: ({ headers }) =>
      Promise.resolve({ user: headers.authorization ?? null, expiresAt: null, maySee: () => true }),
    callCounts: {
      take: (caller, limit) => {
        asked.push({ caller, limit });
        return Promise.resolve(waitMs);
      },
    },
    keyCallsPerSecond: 3,
    userCallsPerSecond: 2,
    ...options,
  });
}

const nodes = (headers: Record<string, string> = { 'X-API-Key': testKey }): Promise<Response> =>
  fetch(`${app.url}/api/nodes`, { headers });
const quote = (authorization: string, more: Record<string, string> = {}): Promise<Response> =>
  fetch(`${app.url}/api/quote`, {
    method: 'POST',
    headers: { Authorization: authorization, 'Content-Type': 'application/json', ...more },
    body: '{"userId":"ann","symbol":"DEMO"}',
  });

describe('calls of the API', () => {
  it('[AP3] are counted by the name of the key, by the user, and by the address of who shows a secret', async () => {
    await serve();
    await nodes();
    await quote('ann');
    await quote('Session one:secret');
    const ofUser = { maxCalls: 2, spanS: 1 };
    expect(asked).toEqual([
      { caller: 'key:desk', limit: { maxCalls: 3, spanS: 1 } },
      { caller: 'user:ann', limit: ofUser },
      { caller: 'address:127.0.0.1', limit: ofUser },
    ]);
  });

  it('[AP3] of who shows a secret are counted by the network of an IPv6 address, as its connections are', async () => {
    await serve({ trustedProxies: 1 });
    for (const from of ['2001:db8:1:2::5', '2001:db8:1:2:3:4:5:6', '2001:db8:1:3::5'])
      await quote('Session one:secret', { 'X-Forwarded-For': from });
    const [one, same, other] = asked.map(({ caller }) => caller);
    expect(same).toBe(one);
    expect(other).not.toBe(one);
  });

  it('[AP3] are refused with 429 and Retry-After where there are too many, before anything is done', async () => {
    await serve();
    waitMs = 1_200;
    const answer = await app.put('[{"symbol":"DEMO","price":"1"}]');
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await problemOf(answer)).toMatchObject({
      status: 429,
      name: 'too_many_api_calls',
      code: 4209,
      retry: 'later',
    });
    expect(app.pushes).toEqual([]);
  });

  it('[AP3] are counted by the replica alone while the replicas cannot count together', async () => {
    await serve({ callCounts: { take: () => Promise.reject(new BackplaneUnavailable('away')) } });
    const statuses: number[] = [];
    for (let call = 0; call < 4; call++) statuses.push((await nodes()).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  });

  it('[AP3] without a limit, of strangers and of nobody in particular are not counted', async () => {
    await serve({ keyCallsPerSecond: 0 });
    expect((await nodes()).status).toBe(200);
    expect((await nodes({ 'X-API-Key': 'wrong' })).status).toBe(401);
    expect((await fetch(`${app.url}/api/ticks`)).status).toBe(200);
    expect(asked).toEqual([]);
  });
});

describe('a key in the address', () => {
  it.each(['api_key', 'apiKey', 'X-API-Key', 'api-key', 'apikey'])(
    '[AP2] is refused as %s, even beside one in the header, and is not logged',
    async (name) => {
      await serve();
      const answer = await fetch(`${app.url}/api/ticks?${name}=${testKey}`, {
        headers: { 'X-API-Key': testKey },
      });
      const problem = await problemOf(answer);
      expect(problem).toMatchObject({ status: 401, name: 'api_key_required' });
      expect(problem.detail).toContain('X-API-Key header');
      await expect.poll(() => app.lines.length).toBe(1);
      expect(JSON.stringify([problem, app.lines])).not.toContain(testKey);
    },
  );
});
