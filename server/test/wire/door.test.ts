/** Who is refused before a connection is one: the answer, who may read it, and that nobody passes for a session. */
import { describe, expect, it } from 'vitest';
import { ask, askRaw } from '../nginx/ask.ts';
import { refusedUpgrade } from '../support/plain-client.ts';
import { startReplica } from './replica-under-test.ts';

const polling = '/socket.io/?EIO=4&transport=polling';
const webSocket = '/socket.io/?EIO=4&transport=websocket';
const friend = 'https://friend.example';
const stranger = 'https://other.example';
const strict = { TRUSTED_NETWORKS: 'none' };

const portOf = (url: string) => Number(new URL(url).port);

describe('[CN1] a page of another origin', () => {
  it.each(['', friend])(
    'is answered 403 with a problem, wherever it connects, with CORS_ORIGIN=%s',
    async (set) => {
      const { url } = await startReplica({ CORS_ORIGIN: set });
      const headers = { Origin: stranger };
      const asked = await ask(portOf(url), polling, { headers });
      const problem = { status: 403, code: 4301, name: 'origin_not_allowed', retry: 'never' };
      expect(asked.status).toBe(403);
      expect(JSON.parse(asked.body)).toMatchObject(problem);
      expect(asked.headers['content-type']).toBe('application/problem+json');
      expect(asked.headers['access-control-allow-origin']).toBeUndefined();
      for (const path of [webSocket, '/stream/A', '/stream?symbols=A'])
        expect(await refusedUpgrade(url, path, { headers })).toMatchObject({ status: 403, problem });
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toMatch(
        /tickwire_handshakes_refused_total\{[^}]*reason="origin_not_allowed"[^}]*\} 4\n/,
      );
    },
  );

  it.each([
    [friend, friend, 'Origin'],
    ['*', '*', undefined],
  ])(
    'that may connect can read why it is refused for now, with CORS_ORIGIN=%s',
    async (set, allowed, vary) => {
      const under = await startReplica({ ...strict, CORS_ORIGIN: set, MAX_HANDSHAKES_PER_SECOND: '1' });
      const statusAndHeaders = async () => {
        const { status, headers } = await ask(portOf(under.url), polling, { headers: { Origin: friend } });
        return [
          status,
          headers['access-control-allow-origin'],
          headers['access-control-expose-headers'],
          headers['vary'],
        ];
      };
      for (let i = 0; i < 5; i++) expect((await statusAndHeaders()).slice(0, 2)).toEqual([200, allowed]);
      expect(await statusAndHeaders()).toEqual([429, allowed, 'Retry-After', vary]);
      void under.replica.close();
      expect(await statusAndHeaders()).toEqual([503, allowed, 'Retry-After', vary]);
    },
  );
});

describe('[DR2] the 503 of a replica that leaves', () => {
  it.each([webSocket, '/stream/A'])('has its problem as answer to an upgrade of %s too', async (path) => {
    const under = await startReplica();
    const client = under.connect();
    await client.seen('hello');
    void under.replica.close();
    const { status, headers, problem } = await refusedUpgrade(under.url, path);
    expect([status, headers['retry-after'], headers['content-type']]).toEqual([
      503,
      '1',
      'application/problem+json',
    ]);
    expect(problem).toMatchObject({ code: 4502, name: 'draining', retry: 'now' });
  });
});

describe('[LM7] a handshake', () => {
  it.each(['&sid=', '&sid=a&sid=', '&SID=a', '&sid=a&%73id=', '&%73id='])(
    'with %s is no request of a session, at the door or at Nginx',
    async (more) => {
      const { url } = await startReplica({ ...strict, MAX_HANDSHAKES_PER_SECOND: '1' });
      const statuses: number[] = [];
      for (let i = 0; i < 7; i++) statuses.push((await ask(portOf(url), polling + more)).status);
      // Nginx goes by the first `sid`, in any case: what it takes for a session must not be a handshake.
      expect(statuses).toEqual(
        /&sid=a|SID/.test(more) ? Array(7).fill(400) : [...Array(5).fill(200), 429, 429],
      );
    },
  );

  it('[C4] at what is no address harms nobody', async () => {
    const { url } = await startReplica();
    for (const path of ['//[?%', '//:?+'])
      expect(
        await askRaw(
          portOf(url),
          `GET ${path} HTTP/1.1\r\nHost: any\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
        ),
      ).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});
