/** The page's files through a true server. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { problemOf, serveEachTest } from '../../test/support/stand-ins/serve-app.ts';

let root: string;

const app = serveEachTest(() => {
  root = mkdtempSync(path.join(tmpdir(), 'tickwire-page-'));
  mkdirSync(path.join(root, 'client', 'assets'), { recursive: true });
  writeFileSync(path.join(root, 'secret.txt'), 'secret');
  writeFileSync(path.join(root, 'client', '.hidden'), 'secret');
  writeFileSync(path.join(root, 'client', 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(path.join(root, 'client', 'assets', 'index-abc123.js'), 'export {};');
  return { clientRoot: path.join(root, 'client') };
});
afterEach(() => rmSync(root, { recursive: true }));

const rawGet = (target: string, headers = ''): Promise<string> =>
  app.raw(`GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}Connection: close\r\n\r\n`);

describe('the page', () => {
  it('is asked for each time, and costs nothing where it did not change', async () => {
    const page = await app.get('/');
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.headers.get('cache-control')).toBe('no-cache');
    expect(await page.text()).toContain('<title>page</title>');
    // By hand, because fetch adds `Cache-Control: no-cache` to a request that has a condition.
    const unchanged = await rawGet('/', `If-None-Match: ${page.headers.get('etag')}\r\n`);
    expect(unchanged).toMatch(/^HTTP\/1\.1 304 /);
    expect((await app.get('/', { method: 'HEAD' })).status).toBe(200);
  });

  it('has hashed files that a browser keeps', async () => {
    const asset = await app.get('/assets/index-abc123.js');
    expect(asset.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });

  const above = ['/../secret.txt', '/assets/../../secret.txt', '//../secret.txt', '/..\\secret.txt'];
  const encodedAbove = ['/..%2fsecret.txt', '/%2e%2e/secret.txt'];

  it.each([...above, ...encodedAbove, '/.hidden', '/assets', '/assets/'])(
    'gives nothing for %s',
    async (target) => {
      const answer = await rawGet(target);
      expect(answer).toMatch(/^HTTP\/1\.1 404 /);
      expect(answer).not.toMatch(/\r\n\r\nsecret/);
    },
  );

  it.each(['/INDEX.HTML', '/Index.html', '/index.html/'])('is not there as %s', async (where) => {
    expect(await problemOf(await app.get(where))).toMatchObject({ status: 404, name: 'not_found' });
  });

  it('that is not built is 503 and says what to do, and is there as soon as it is', async () => {
    const index = path.join(root, 'client', 'index.html');
    rmSync(index);
    const answer = await app.get('/');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'text/plain; charset=utf-8']);
    expect(await answer.text()).toContain('npm run build');
    writeFileSync(index, 'built');
    expect(await (await app.get('/')).text()).toBe('built');
  });
});
