/** The health paths through a true server. */
import { afterEach, describe, expect, it } from 'vitest';
import { goodVitals, serveApp, type ServedApp } from '../../test/support/serve-app.ts';
import type { Vitals } from './health.ts';

let app: ServedApp;
afterEach(() => app.close());

async function serve(vitals: Partial<Vitals> = {}): Promise<void> {
  app = await serveApp({ vitals: () => ({ ...goodVitals, ...vitals }) });
}

const get = (where: string, init?: RequestInit): Promise<Response> => fetch(app.url + where, init);

describe('health', () => {
  it('says who and how the replica is', async () => {
    await serve();
    const answer = await get('/health');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({
      status: 'ok',
      node: 'n1',
      uptime: 12,
      connections: 3,
      ready: true,
      backplane: { kind: 'local', state: 'up' },
      leader: { node: 'n1', me: true, epoch: 4 },
      feed: {
        state: 'live',
        since: 1_700_000_000_000,
        reason: '',
        sources: [{ name: 'push', state: 'live', symbolCount: 2, symbols: ['ACME', 'DEMO'] }],
      },
    });
    expect((await get('/health/ready')).status).toBe(200);
    expect((await get('/health', { method: 'HEAD' })).status).toBe(200);
  });

  it('is degraded, and still 200, while the backplane is away; ready is 503 with the reasons', async () => {
    await serve({
      backplane: { kind: 'redis', state: { at: 'down', since: 5, reason: 'connection refused' } },
    });
    const answer = await get('/health');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      status: 'degraded',
      ready: false,
      backplane: { kind: 'redis', state: 'down', since: 5, reason: 'connection refused' },
    });
    const ready = await get('/health/ready');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({
      status: 'not ready',
      reasons: ['the backplane is away: connection refused'],
    });
    expect((await get('/health/live')).status).toBe(200);
  });

  it.each<[string, Partial<Vitals>]>([
    ['degraded', { leader: null, isLeading: false }],
    ['degraded', { feed: { ...goodVitals.feed, state: 'stale', reason: 'no leader' } }],
    ['draining', { isDraining: true }],
  ])('is %s with %j', async (status, vitals) => {
    await serve(vitals);
    expect(await (await get('/health')).json()).toMatchObject({ status });
  });

  it('names nobody while nobody is known to lead', async () => {
    await serve({ leader: null, isLeading: false });
    expect(await (await get('/health')).json()).toMatchObject({
      leader: { node: null, me: false, epoch: 0 },
    });
  });

  it('[DR1] a replica that leaves is not ready', async () => {
    await serve({ isDraining: true });
    const ready = await get('/health/ready');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ status: 'not ready', reasons: ['this replica is leaving'] });
    expect(await (await get('/health')).json()).toMatchObject({ status: 'draining', ready: false });
  });

  it('counts all symbols and names fifty', async () => {
    const symbols = Array.from({ length: 5_000 }, (_, index) => `S${index}`);
    await serve({ feed: { ...goodVitals.feed, sources: [{ name: 'simulator', state: 'live', symbols }] } });
    expect(await (await get('/health')).json()).toMatchObject({
      feed: { sources: [{ symbolCount: 5_000, symbols: symbols.slice(0, 50) }] },
    });
  });
});
