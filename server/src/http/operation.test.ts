/** What any call is refused for, through a true server: parameters and bodies that its operation does not take. */
import { describe, expect, it } from 'vitest';
import { problemOf, testKey, serveEachTest } from '../../test/support/stand-ins/serve-app.ts';

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
    ['GET', '/api/ticks?symbols[]=DEMO', 'symbols[]'],
    ['GET', '/api/symbols?__proto__=1', '__proto__'],
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
    ['no body', {}],
    ['one of no length', { body: '', headers: json }],
    ['an empty object', { body: ' {} ', headers: json }],
  ])('[AP6] that is %s is no mistake', async (_what, init) => {
    expect((await pause(init)).status).toBe(200);
    expect(pauses).toBe(1);
  });
});
