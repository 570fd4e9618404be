/** Who may push, through a true server. */
import { describe, expect, it } from 'vitest';
import { problemOf, serveApp, testKey, serveEachTest } from '../../test/support/stand-ins/serve-app.ts';

const one = '[{"symbol":"DEMO","price":"1.50"}]';
const app = serveEachTest();

describe('an API key', () => {
  it('is asked for before the body is looked at', async () => {
    const answer = await app.put('not json', { 'X-API-Key': 'wrong', 'Content-Type': 'text/plain' });
    expect(answer.headers.get('www-authenticate')).toMatch(/^ApiKey/);
    expect(await problemOf(answer)).toMatchObject({ status: 401, name: 'api_key_invalid', retry: 'never' });
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
