/** Who may push, through a true server. */
import { describe, expect, it } from 'vitest';
import { problemOf, serveApp, testKey, serveEachTest } from '../../test/support/serve-app.ts';

const one = '[{"symbol":"DEMO","price":"1.50"}]';
const app = serveEachTest();

function putWith(headers: Record<string, string>): Promise<Response> {
  return fetch(`${app.url}/api/ticks`, {
    method: 'PUT',
    body: one,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

describe('an API key', () => {
  const wrong: [string, Record<string, string>][] = [
    ['an empty one', { 'X-API-Key': '' }],
    ['a wrong one', { 'X-API-Key': 'wrong-key-123456789' }],
    ['one character short', { 'X-API-Key': testKey.slice(0, -1) }],
    ['one character more', { 'X-API-Key': `${testKey}0` }],
    ['the key twice', { 'X-API-Key': `${testKey}, ${testKey}` }],
  ];
  it.each([
    ['no key at all', {}],
    ['the key in another header', { Authorization: `Bearer ${testKey}` }],
  ])('[AP2] %s is 401', async (_what, headers: Record<string, string>) => {
    const answer = await putWith(headers);
    expect(answer.headers.get('www-authenticate')).toMatch(/^ApiKey/);
    expect(await problemOf(answer)).toMatchObject({ status: 401, name: 'api_key_required', retry: 'never' });
    expect(app.pushes).toEqual([]);
  });

  it.each(wrong)('[AP2] %s is told to be wrong, also where none is needed', async (_what, headers) => {
    const read = (path: string): Promise<Response> => fetch(app.url + path, { headers });
    const message = { method: 'POST', headers, body: '{}' };
    for (const answer of [
      await putWith(headers),
      await read('/api/ticks'),
      await read('/api/symbols'),
      await fetch(`${app.url}/api/quote`, message),
    ]) {
      expect(answer.headers.get('www-authenticate')).toMatch(/^ApiKey/);
      expect(await problemOf(answer)).toMatchObject({ status: 401, name: 'api_key_invalid', retry: 'never' });
    }
    expect(app.pushes).toEqual([]);
  });

  it('[AP2] in two headers is told to be wrong, where one of them is right too', async () => {
    const lines = [`X-API-Key: ${testKey}`, 'X-API-Key: wrong-key-123456789'];
    for (const both of [lines, lines.toReversed(), [lines[0], lines[0]]]) {
      const answer = await app.raw(
        `GET /api/ticks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${both.join('\r\n')}\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 401 /);
      expect(answer).toContain('"api_key_invalid"');
    }
  });

  it('is asked for before the body is looked at', async () => {
    const answer = await app.put('not json', { 'X-API-Key': 'wrong', 'Content-Type': 'text/plain' });
    expect(await problemOf(answer)).toMatchObject({ status: 401 });
  });

  it('may be any of several', async () => {
    const keys = ['key-of-a-12345', 'key-of-b-12345'].map((key, index) => ({ name: `k${index}`, key }));
    const several = await serveApp({ apiKeys: keys });
    const answers = await Promise.all(
      [...keys.map(({ key }) => key), 'key-of-c-12345'].map((key) => several.put(one, { 'X-API-Key': key })),
    );
    await several.close();
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 401]);
  });

  it('is never right where none are configured, and the answer says so', async () => {
    const closed = await serveApp({ apiKeys: [] });
    const answers = await Promise.all(['', testKey].map((key) => closed.put(one, { 'X-API-Key': key })));
    await closed.close();
    for (const { status, detail } of await Promise.all(answers.map(problemOf))) {
      expect(status).toBe(401);
      expect(detail).toContain('API_KEYS');
    }
  });
});
