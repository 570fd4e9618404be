/** What all paths have in common, through a true server: methods, what is not there, headers and the log. */
import { describe, expect, it } from 'vitest';
import { problemOf, testKey, serveEachTest } from '../../test/support/stand-ins/serve-app.ts';
import { secretToken } from '../../test/support/stand-ins/tokens.ts';

const app = serveEachTest();

const ofTls = ['strict-transport-security', 'cross-origin-opener-policy', 'origin-agent-cluster'];
describe('the side door', () => {
  it.each([
    ['PUT', '/health', 'GET, HEAD'],
    ['PUT', '/health/ready', 'GET, HEAD'],
    ['PUT', '/', 'GET, HEAD'],
    ['DELETE', '/metrics', 'GET, HEAD'],
  ])('answers %s %s with 405 and names what it takes', async (method, where, allow) => {
    const answer = await app.get(where, { method, headers: { 'X-API-Key': testKey } });
    expect(await problemOf(answer)).toMatchObject({ status: 405, name: 'method_not_allowed' });
    expect(answer.headers.get('allow')).toBe(allow);
  });

  const unknownFiles = ['/nope', '/health/nope', '/assets/nope.js', '/%00', '/%zz'];

  it.each([...unknownFiles, '/api', '/api/nope', '/api/ticks/DEMO'])(
    'answers %s with a 404 problem',
    async (where) => {
      expect(await problemOf(await app.get(where))).toMatchObject({ status: 404, name: 'not_found' });
    },
  );

  it('says nothing of what serves it', async () => {
    const { headers } = await app.get('/health');
    expect([headers.has('x-powered-by'), headers.has('server')]).toEqual([false, false]);
  });

  it.each(['/', '/health', '/api/ticks', '/nope', '/%zz'])(
    'tells browsers at %s what to refuse, and nothing of TLS where there is none',
    async (where) => {
      const { headers } = await app.get(where, { headers: { 'X-Forwarded-Proto': 'https' } });
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;connect-src 'self';" +
          "base-uri 'none';form-action 'none';frame-ancestors 'none'",
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      for (const name of ofTls) expect({ name, value: headers.get(name) }).toEqual({ name, value: null });
    },
  );

  it('tells them to stay with TLS where the trusted proxy says that they came by it', async () => {
    await app.serve({ trustedProxies: 1 });
    const { headers } = await app.get('/health', { headers: { 'X-Forwarded-Proto': 'https' } });
    expect(ofTls.map((name) => headers.get(name))).toEqual(['max-age=31536000', 'same-origin', '?1']);
    expect((await app.get('/health')).headers.get('strict-transport-security')).toBeNull();
  });

  it('[AP2][SI6] logs no API key and no token, wherever in a request it was', async () => {
    const token = secretToken({ sub: 'ann' });
    const paths = [
      `/${testKey}`,
      `/api/symbols/x${testKey}x`,
      `/api/${'a'.repeat(250)}/${testKey}`,
      `/api/ticks?symbols=${testKey}`,
      `/health?${testKey}`,
      `/api/users/${token}/disconnect`,
      `/${token.replaceAll('.', '%2e')}`,
    ];
    for (const path of paths) await app.get(path, { headers: { 'X-Request-Id': testKey } });
    await app.get('/api/nope');
    await expect.poll(() => app.lines.length).toBe(paths.length + 1);
    const logged = JSON.stringify(app.lines);
    for (const part of [testKey.slice(0, 6), ...token.split('.')]) expect(logged).not.toContain(part);
    expect(app.lines.at(-1)).toMatchObject({ req: { path: '/api/nope' }, status: 404 });
  });

  it('[AP5] logs one short line per request without query and headers, with the id that the answer carries', async () => {
    const answers = [
      await app.get('/api/ticks?symbols=ACME', {
        headers: { 'X-API-Key': testKey, 'X-Request-Id': 'from-proxy_1' },
      }),
      await app.get('/health', { headers: { 'X-Request-Id': 'not an id' } }),
    ];
    await expect.poll(() => app.lines.length).toBe(2);
    const ids = answers.map(({ headers }) => headers.get('x-request-id'));
    expect(ids[0]).toBe('from-proxy_1');
    expect(ids[1]).toMatch(/^[0-9a-f-]{36}$/);
    expect(app.lines).toMatchObject([
      {
        level: 'info',
        node: 'n1',
        req: { id: ids[0], method: 'GET', path: '/api/ticks' },
        status: 200,
        key: 'tests',
      },
      { level: 'debug', node: 'n1', req: { id: ids[1], method: 'GET', path: '/health' }, status: 200 },
    ]);
    expect(JSON.stringify(app.lines)).not.toMatch(/ACME|test-key/);
    expect(JSON.stringify(app.lines[0]).length).toBeLessThan(250);
  });
});
