/** The replicas over HTTP, and the figures, through a true server. */
import { describe, expect, it } from 'vitest';
import {
  goodVitals,
  problemOf,
  testKey,
  serveEachTest,
  backplaneDown,
} from '../../test/support/stand-ins/serve-app.ts';

const app = serveEachTest();

const withKey = { headers: { 'X-API-Key': testKey } };

describe('nodes', () => {
  it('[DR6] are listed for who has a key', async () => {
    const one = { connections: 3, users: 1, anonymous: 2 };
    const none = { connections: 0, users: 0, anonymous: 0 };
    await app.serve({
      nodes: () => [
        { ...one, node: 'n1', isLeaving: false, uptimeMs: 12_345 },
        { ...none, node: 'n2', isLeaving: true, uptimeMs: 400 },
      ],
    });
    expect(await problemOf(await app.get('/api/nodes'))).toMatchObject({ name: 'api_key_required' });
    const answer = await app.get('/api/nodes', withKey);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({
      nodes: [
        { ...one, node: 'n1', state: 'serving', leader: true, uptime: 12 },
        { ...none, node: 'n2', state: 'draining', leader: false, uptime: 0 },
      ],
    });
  });

  it.each<['told' | 'unknown' | 'silent', number, string | null, object]>([
    ['told', 202, null, { node: 'a/b c', state: 'draining' }],
    ['unknown', 404, null, { name: 'not_found' }],
    ['silent', 503, '1', { name: 'node_unreachable', retry: 'later' }],
  ])('[DR6] a drain whose replica is %s is answered %i', async (outcome, status, retryAfter, body) => {
    const asked: string[] = [];
    await app.serve({
      drainNode: (node) => {
        asked.push(node);
        return Promise.resolve(outcome);
      },
    });
    const path = `${app.url}/api/nodes/a%2Fb%20c/drain`;
    expect((await fetch(path, { method: 'POST' })).status).toBe(401);
    expect(asked).toEqual([]);
    const answer = await fetch(path, { method: 'POST', ...withKey });
    expect([answer.status, answer.headers.get('retry-after'), asked]).toEqual([
      status,
      retryAfter,
      ['a/b c'],
    ]);
    expect(await answer.json()).toMatchObject(body);
  });

  it('[AP7] are not told by a replica that does not reach the others, nor told to leave', async () => {
    await app.serve({ vitals: () => ({ ...goodVitals, backplane: backplaneDown }) });
    const drain = (node: string): Promise<Response> =>
      app.get(`/api/nodes/${node}/drain`, { method: 'POST', ...withKey });
    for (const answer of [await app.get('/api/nodes', withKey), await drain('n2')]) {
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(await problemOf(answer)).toMatchObject({
        status: 503,
        name: 'replicas_unreachable',
        retry: 'later',
      });
    }
    // Itself it reaches.
    expect((await drain('n1')).status).toBe(202);
  });
});
