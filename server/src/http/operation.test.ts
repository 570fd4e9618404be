/** What any call is refused for, through a true server: parameters and bodies that its operation does not take. */
import { describe, expect, it } from 'vitest';
import { problemOf, testKey, serveEachTest } from '../../test/support/serve-app.ts';

let pauses = 0;
const app = serveEachTest(() => {
  pauses = 0;
  return {
    pauseFeed: () => {
      pauses++;
      return Promise.resolve({ ok: true, isChange: true });
    },
  };
});

const withKey = { 'X-API-Key': testKey };
const json = { 'Content-Type': 'application/json' };
const pause = (init: RequestInit = {}): Promise<Response> =>
  app.get('/api/feed/pause', {
    method: 'POST',
    ...init,
    headers: { ...withKey, ...(init.headers as Record<string, string>) },
  });

describe('a query parameter', () => {
  it.each([
    ['GET', '/api/ticks?symbol=DEMO', 'symbol'],
    ['GET', '/api/ticks?symbols=DEMO&limit=1', 'limit'],
    ['GET', '/api/ticks?symbols[]=DEMO', 'symbols[]'],
    ['GET', '/api/ticks?Symbols=DEMO', 'Symbols'],
    ['GET', '/api/symbols?__proto__=1', '__proto__'],
    ['GET', '/api/nodes?x', 'x'],
    ['GET', '/api/stats/connections?users=ann', 'users'],
    ['PUT', '/api/symbols/DEMO?feed=push', 'feed'],
    ['POST', '/api/feed/pause?now=1', 'now'],
  ])('[AP6] that %s %s does not take is refused and named', async (method, path, name) => {
    const problem = await problemOf(await app.get(path, { method, headers: withKey }));
    expect(problem).toMatchObject({ status: 400, name: 'bad_payload', retry: 'never' });
    expect(problem.detail).toContain(`"${name}"`);
    expect(pauses).toBe(0);
  });

  it('[AP6] that is taken may be there', async () => {
    for (const path of [
      '/api/ticks?symbols=DEMO',
      '/api/ticks?',
      '/api/stats/connections?user=ann',
      '/api/nodes?&',
    ])
      expect((await app.get(path, { headers: withKey })).status).toBe(200);
  });

  it('[AP2] is found behind any number of others', async () => {
    const path = `/api/ticks?${'symbols=DEMO&'.repeat(1_000)}`;
    expect(await problemOf(await fetch(`${app.url}${path}api_key=x`))).toMatchObject({
      name: 'api_key_required',
    });
    expect(await problemOf(await fetch(`${app.url}${path}symbol=x`))).toMatchObject({ name: 'bad_payload' });
  });
});

describe('a body', () => {
  it.each([
    ['a key', '{"now":true}', 400, 'bad_payload'],
    ['a list', '[]', 400, 'bad_payload'],
    ['null', 'null', 400, 'bad_payload'],
    ['no JSON', '{', 400, 'bad_payload'],
    ['2,000 bytes', `{"x":"${'a'.repeat(2_000)}"}`, 413, 'payload_too_large'],
  ])('[AP6] of %s is refused where none is taken', async (_what, body, status, name) => {
    expect(await problemOf(await pause({ body, headers: json }))).toMatchObject({ status, name });
    expect(pauses).toBe(0);
  });

  it('[AP6] of text is refused where none is taken', async () => {
    expect(await problemOf(await pause({ body: 'now' }))).toMatchObject({ name: 'unsupported_media_type' });
    expect(pauses).toBe(0);
  });

  it('[AP6] of a GET and of a DELETE is refused too', async () => {
    for (const start of ['GET /api/nodes', 'GET /api/ticks', 'DELETE /api/symbols/DEMO']) {
      const head = `${start} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: ${testKey}\r\n`;
      const answer = await app.raw(
        `${head}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"bad_payload"');
    }
  });

  it.each([
    ['no body', {}],
    ['one of no length', { body: '', headers: json }],
    ['an empty object', { body: ' {} ', headers: json }],
  ])('[AP6] that is %s is no mistake', async (_what, init) => {
    expect((await pause(init)).status).toBe(200);
    expect(pauses).toBe(1);
  });
});
