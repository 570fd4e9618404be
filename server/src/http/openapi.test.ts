/** The document of the API, through a true server. `bad-requests.test.ts` compares its paths and methods with the `Allow` of each path. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { serveEachTest } from '../../test/support/stand-ins/serve-app.ts';

const app = serveEachTest();

const operationForm = z.looseObject({
  operationId: z.string(),
  responses: z.record(z.string(), z.looseObject({ description: z.string() })),
});
const documentForm = z.object({
  openapi: z.literal('3.1.1'),
  paths: z.record(z.string(), z.record(z.string(), operationForm)),
});

const documentedPaths = async () =>
  documentForm.parse(await (await app.get('/api/openapi.json')).json()).paths;

const documentedOperations = async () =>
  Object.values(await documentedPaths()).flatMap(Object.values<z.output<typeof operationForm>>);

describe('GET /api/openapi.json', () => {
  it('gives each operation a name of its own', async () => {
    const ids = (await documentedOperations()).map(({ operationId }) => operationId);
    expect(ids.toSorted()).toEqual([...new Set(ids)].toSorted());
  });
});

describe('what the document says of refusals', () => {
  it.each([
    [400, 'bad_payload'],
    [413, 'payload_too_large'],
    [415, 'unsupported_media_type'],
    [429, 'too_many_api_calls'],
  ])('[AP3][AP6] is that every operation may answer %i %s', async (status, name) => {
    for (const { responses } of await documentedOperations())
      expect(responses[status]?.description).toContain(name);
  });

  it('[SI2] is that whoever may sign in may have no token', async () => {
    const paths = await documentedPaths();
    for (const operation of [paths['/api/ticks']?.['get'], paths['/api/quote']?.['post']])
      expect(operation?.responses['401']?.description).toContain('token_required');
  });
});

describe('GET /api/docs', () => {
  it('shows every operation, without scripts or styles of its own, and its stylesheet is there', async () => {
    const paths = await documentedPaths();
    const answer = await fetch(`${app.url}/api/docs`);
    const html = await answer.text();
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    for (const [path, methods] of Object.entries(paths))
      for (const method of Object.keys(methods)) expect(html).toContain(`${method.toUpperCase()} ${path}`);
    expect(html).not.toMatch(/<script|<style|style=|onclick/);
    const [, stylesheet = ''] = /href="([^"]+\.css)"/.exec(html) ?? [];
    const style = await fetch(app.url + stylesheet);
    expect([style.status, style.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8']);
  });

  it('is not sent again to who has it', async () => {
    const etag = (await fetch(`${app.url}/api/docs`)).headers.get('etag') ?? '';
    // By hand: `fetch` asks for a fresh copy whenever a condition is given.
    const again = await app.raw(
      `GET /api/docs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: ${etag}\r\n\r\n`,
    );
    expect(again).toMatch(/^HTTP\/1\.1 304 /);
    expect(again).not.toContain('<html');
  });
});
