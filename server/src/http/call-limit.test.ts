/** How often a caller may call, through a true server. */
import { beforeEach, describe, expect, it } from 'vitest';
import { problemOf, serveEachTest, testKey } from '../../test/support/stand-ins/serve-app.ts';
import { BackplaneUnavailable, type CallLimit } from '../backplane/contract.ts';
import { anonymous, SignInRefused } from '../users/identity.ts';

const app = serveEachTest();
let asked: { caller: string; limit: CallLimit }[] = [];
let waitMs = 0;

beforeEach(() => {
  asked = [];
  waitMs = 0;
});

async function serve(options: Parameters<typeof app.serve>[0] = {}): Promise<void> {
  await app.serve({
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
  app.get('/api/nodes', { headers });
const quote = (authorization: string, more: Record<string, string> = {}): Promise<Response> =>
  app.get('/api/quote', {
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

  it('[AP3] without a limit, and of strangers of a trusted network, are not counted', async () => {
    await serve({ keyCallsPerSecond: 0, addressCallsPerSecond: 1 });
    for (let call = 0; call < 3; call++) {
      expect((await nodes()).status).toBe(200);
      expect((await nodes({ 'X-API-Key': 'wrong' })).status).toBe(401);
      expect((await app.get('/api/ticks')).status).toBe(200);
    }
    expect(asked).toEqual([]);
  });

  it.each<[string, string, Record<string, string>, number]>([
    ['of nobody in particular', '/api/ticks', {}, 200],
    ['with a wrong key', '/api/nodes', { 'X-API-Key': 'wrong' }, 401],
    ['with a wrong key where none is needed', '/api/symbols', { 'X-API-Key': '' }, 401],
    ['with no key', '/api/status', {}, 401],
    ['with a key in the address', '/api/ticks?api_key=x', {}, 401],
    ['with a token that is refused', '/api/symbols', { Authorization: 'Bearer wrong' }, 401],
  ])('[AP3] %s are counted by address at the replica alone', async (_what, path, headers, status) => {
    await serve({
      trustedProxies: 1,
      addressCallsPerSecond: 2,
      authenticate: ({ headers: { authorization } }) =>
        authorization === undefined
          ? Promise.resolve(anonymous)
          : Promise.reject(new SignInRefused('token_invalid')),
    });
    const from = (address: string, more = headers): Promise<Response> =>
      app.get(path, { headers: { 'X-Forwarded-For': address, ...more } });
    const answers: Response[] = [];
    for (let call = 0; call < 3; call++) answers.push(await from('203.0.113.7'));
    expect(answers.map((answer) => answer.status)).toEqual([status, status, 429]);
    expect(answers[2]?.headers.get('retry-after')).toBe('1');
    expect(await problemOf(answers[2] ?? new Response())).toMatchObject({ name: 'too_many_api_calls' });
    // Another address has its own, whoever is trusted none, and who has a key is no stranger.
    for (const other of ['203.0.113.8', '127.0.0.1']) expect((await from(other)).status).toBe(status);
    expect(asked).toEqual([]);
    const withKey = { 'X-Forwarded-For': '203.0.113.7', 'X-API-Key': testKey };
    expect((await app.get('/api/ticks', { headers: withKey })).status).toBe(200);
  });
});

it('[AP2] a key in the address is not logged, and the answer says where it belongs', async () => {
  const problem = await problemOf(await app.get(`/api/ticks?api_key=${testKey}`));
  expect(problem.detail).toContain('X-API-Key header');
  await expect.poll(() => app.lines.length).toBe(1);
  expect(JSON.stringify([problem, app.lines])).not.toContain(testKey);
});
