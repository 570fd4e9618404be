/** Pages of other origins, through a true server. */
import { describe, expect, it } from 'vitest';
import { serveEachTest } from '../../test/support/stand-ins/serve-app.ts';

const app = serveEachTest();

const from = (origin: string, query = ''): Promise<Response> =>
  app.get(`/api/ticks${query}`, { headers: { Origin: origin } });
const allowed = ({ headers }: Response): string | null => headers.get('access-control-allow-origin');

function preflight(origin: string): Promise<Response> {
  return app.get('/api/ticks', {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'x-api-key',
    },
  });
}

describe('pages of other origins', () => {
  it('read nothing by default, and are no error', async () => {
    const answer = await from('https://other.example');
    expect([answer.status, allowed(answer)]).toEqual([200, null]);
  });

  it('read the API where they are named, and each answer varies by origin', async () => {
    await app.serve({ corsOrigins: ['https://a.example', 'https://b.example'] });
    const answers = await Promise.all(
      ['https://b.example', 'https://c.example', 'null'].map((origin) => from(origin)),
    );
    expect(answers.map(allowed)).toEqual(['https://b.example', null, null]);
    expect(answers.map(({ headers }) => headers.get('vary'))).toEqual(['Origin', 'Origin', 'Origin']);
    expect((await app.get('/api/ticks')).headers.get('vary')).toBe('Origin');
  });

  it('all read it with *, a refusal too', async () => {
    await app.serve({ corsOrigins: ['*'] });
    const answer = await from('https://any.example', '?symbols=NOPE');
    expect([answer.status, allowed(answer)]).toEqual([404, '*']);
    expect(answer.headers.get('access-control-expose-headers')).toContain('Retry-After');
  });

  it.each([[['*']], [['https://a.example']]])(
    '%s: none may send what its browser knows of us',
    async (corsOrigins) => {
      await app.serve({ corsOrigins });
      for (const answer of [await from('https://a.example'), await preflight('https://a.example')]) {
        expect(allowed(answer)).toBe(corsOrigins[0]);
        expect(answer.headers.has('access-control-allow-credentials')).toBe(false);
      }
    },
  );

  it('push after a preflight where they are named', async () => {
    await app.serve({ corsOrigins: ['https://a.example'] });
    const answer = await preflight('https://a.example');
    expect([answer.status, allowed(answer)]).toEqual([204, 'https://a.example']);
    expect(answer.headers.get('access-control-allow-methods')).toContain('PUT');
    expect(answer.headers.get('access-control-allow-headers')).toBe(
      'Authorization, Content-Type, X-API-Key, Idempotency-Key',
    );
    expect(allowed(await preflight('https://c.example'))).toBeNull();
  });
});
