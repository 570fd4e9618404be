/** The document of the API, through a true server: it names every path and method that is there, and nothing else. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { serveApp, type ServedApp } from '../../test/support/serve-app.ts';

let app: ServedApp;
beforeEach(async () => {
  app = await serveApp();
});
afterEach(() => app.close());

const documentForm = z.object({
  openapi: z.literal('3.1.1'),
  paths: z.record(z.string(), z.record(z.string(), z.looseObject({ operationId: z.string() }))),
});

describe('GET /api/openapi.json', () => {
  it('needs no key, and names each path with the methods that it takes', async () => {
    const { paths } = documentForm.parse(await (await fetch(`${app.url}/api/openapi.json`)).json());
    expect(Object.keys(paths).length).toBeGreaterThan(4);
    for (const [path, operations] of Object.entries(paths)) {
      const answer = await fetch(app.url + path.replace('{id}', 'n1'), { method: 'OPTIONS' });
      const allowed = answer.headers.get('allow')?.toLowerCase().split(', ');
      expect({ path, methods: allowed?.filter((method) => method !== 'head').toSorted() }).toEqual({
        path,
        methods: Object.keys(operations).toSorted(),
      });
    }
  });

  it('gives each operation a name of its own', async () => {
    const { paths } = documentForm.parse(await (await fetch(`${app.url}/api/openapi.json`)).json());
    const ids = Object.values(paths).flatMap((of) => Object.values(of).map(({ operationId }) => operationId));
    expect(ids.toSorted()).toEqual([...new Set(ids)].toSorted());
  });
});
