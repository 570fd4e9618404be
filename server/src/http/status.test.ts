/** `GET /api/status`, `/api/symbols` and `/api/stats/connections` through a true server. */
import { describe, expect, it } from 'vitest';
import {
  goodVitals,
  problemOf,
  testKey,
  serveEachTest,
  backplaneDown,
} from '../../test/support/stand-ins/serve-app.ts';
import { version } from '../support/version.ts';

const app = serveEachTest();

const withKey = { headers: { 'X-API-Key': testKey } };
const get = (path: string, init: RequestInit = withKey): Promise<Response> => app.get(path, init);

describe('status', () => {
  it('tells how the cluster is, for who has a key', async () => {
    expect(await problemOf(await get('/api/status', {}))).toMatchObject({ name: 'api_key_required' });
    expect(await (await get('/api/status')).json()).toEqual({
      status: 'ok',
      node: 'n1',
      version,
      uptime: 12,
      leader: { node: 'n1', me: true, epoch: 4 },
      backplane: { kind: 'local', state: 'up' },
      feed: {
        state: 'live',
        since: goodVitals.feed.since,
        reason: '',
        sources: [{ name: 'push', state: 'live', symbolCount: 2 }],
      },
      nodes: [
        { node: 'n1', state: 'serving', leader: true, uptime: 12, connections: 3, users: 1, anonymous: 2 },
      ],
      scope: 'cluster',
      totals: { nodes: 1, connections: 3 },
    });
  });

  it('[AP7] is that of the replica alone, and says so and why, while it has no link to the others', async () => {
    const one = { connections: 3, users: 1, anonymous: 2, isLeaving: false, uptimeMs: 12_345 };
    await app.serve({
      vitals: () => ({ ...goodVitals, leader: null, isLeading: false, backplane: backplaneDown }),
      // It was there a moment ago.
      nodes: () => [
        { ...one, node: 'n1' },
        { ...one, node: 'n2' },
      ],
    });
    const answer = await get('/api/status');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      status: 'degraded',
      scope: 'replica',
      leader: { node: null, me: false, epoch: 0 },
      backplane: { kind: 'redis', state: 'down', since: 7, reason: 'Redis does not answer' },
      nodes: [{ node: 'n1', leader: false }],
      totals: { nodes: 1, connections: 3 },
    });
  });
});

describe('symbols', () => {
  const annMaySee = (only: string) => () =>
    Promise.resolve({ user: 'ann', expiresAt: null, maySee: (symbol: string) => symbol === only });

  const states = async (init?: RequestInit): Promise<unknown> => (await get('/api/symbols', init)).json();

  it('are listed with their source and whether it is live, all stale where the feed is', async () => {
    const listed = (state: string) => ({
      symbols: ['ACME', 'DEMO'].map((symbol) => ({ symbol, feed: 'push', state })),
      retired: [],
    });
    expect(await states({})).toEqual(listed('live'));
    await app.serve({ feed: () => ({ ...goodVitals.feed, state: 'stale', reason: 'paused' }) });
    expect(await states({})).toEqual(listed('stale'));
  });

  it('[SI5] are those that a user may have, and with a key all', async () => {
    await app.serve({
      authenticate: annMaySee('DEMO'),
    });
    expect(await states({})).toEqual({
      symbols: [{ symbol: 'DEMO', feed: 'push', state: 'live' }],
      retired: [],
    });
    expect(await states()).toMatchObject({ symbols: [{ symbol: 'ACME' }, { symbol: 'DEMO' }] });
  });

  it('[LS3] that were retired are named as such, to who might have them', async () => {
    await app.serve({
      retired: () => new Set(['MSFT', 'KO']),
      authenticate: annMaySee('KO'),
    });
    expect(await states({})).toEqual({ symbols: [], retired: ['KO'] });
    expect(await states()).toMatchObject({ retired: ['KO', 'MSFT'] });
  });

  it('[LS5] are not told by a replica that has not read how the list was changed', async () => {
    await app.serve({ vitals: () => ({ ...goodVitals, arePricesKnown: false }) });
    const answer = await get('/api/symbols', {});
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await problemOf(answer)).toMatchObject({ status: 503, name: 'store_unavailable', retry: 'later' });
  });
});

describe('connections', () => {
  it('[AP4] are added up, whatever a user is called, those with the most first', async () => {
    const nodes = [
      {
        node: 'n1',
        connections: 4,
        anonymous: 1,
        symbols: { DEMO: { 0: 2 } },
        users: Object.entries({ ['__proto__']: 1, ann: 2 }),
      },
      {
        node: 'n2',
        connections: 2,
        anonymous: 0,
        symbols: { DEMO: { 0: 1, 250: 1 }, ACME: { 0: 1 } },
        users: [['__proto__', 2]],
      },
    ] as const;
    await app.serve({ countConnections: () => Promise.resolve({ nodes, incomplete: ['n3'] }) });
    expect(await (await get('/api/stats/connections')).json()).toEqual({
      totals: { connections: 6, anonymous: 1, users: 2 },
      nodes: [
        { ...nodes[0], users: 2 },
        { ...nodes[1], users: 1 },
      ],
      symbols: { DEMO: { 0: 3, 250: 1 }, ACME: { 0: 1 } },
      users: [
        { user: '__proto__', connections: 3 },
        { user: 'ann', connections: 2 },
      ],
      incomplete: ['n3'],
    });
  });

  it('[AP4] are not counted by a replica that does not reach the others', async () => {
    await app.serve({ vitals: () => ({ ...goodVitals, backplane: backplaneDown }) });
    expect(await problemOf(await get('/api/stats/connections'))).toMatchObject({
      status: 503,
      name: 'replicas_unreachable',
    });
  });
});
