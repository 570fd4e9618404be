/** The health paths through a true server. */
import { describe, expect, it } from 'vitest';
import { goodVitals, serveEachTest, backplaneDown } from '../../test/support/stand-ins/serve-app.ts';
import type { Vitals } from './health.ts';

const app = serveEachTest();

const serve = (vitals: Partial<Vitals> = {}): Promise<void> =>
  app.serve({ vitals: () => ({ ...goodVitals, ...vitals }) });

describe('health', () => {
  it('says who and how the replica is', async () => {
    const answer = await app.get('/health');
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
    expect((await app.get('/health/ready')).status).toBe(200);
    expect((await app.get('/health', { method: 'HEAD' })).status).toBe(200);
  });

  it('is degraded, and ready, while the backplane is away: the last prices are served', async () => {
    await serve({ backplane: backplaneDown });
    const answer = await app.get('/health');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      status: 'degraded',
      ready: true,
      backplane: { kind: 'redis', state: 'down', since: 7, reason: 'Redis does not answer' },
    });
    expect((await app.get('/health/ready')).status).toBe(200);
  });

  it('is not ready before the prices were read for the first time, and says why', async () => {
    await serve({ backplane: backplaneDown, arePricesKnown: false });
    const ready = await app.get('/health/ready');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({
      status: 'not ready',
      reasons: ['prices were not read yet: Redis does not answer'],
    });
    expect((await app.get('/health/live')).status).toBe(200);
  });

  it.each<[Partial<Vitals>, object]>([
    [
      { leader: null, isLeading: false },
      { status: 'degraded', leader: { node: null, me: false, epoch: 0 } },
    ],
    [{ feed: { ...goodVitals.feed, state: 'stale', reason: 'no leader' } }, { status: 'degraded' }],
  ])('with %j is %j', async (vitals, expected) => {
    await serve(vitals);
    expect(await (await app.get('/health')).json()).toMatchObject(expected);
  });

  it('[DR1] a replica that leaves is not ready', async () => {
    await serve({ isDraining: true });
    expect(await (await app.get('/health')).json()).toMatchObject({ status: 'draining', ready: false });
    const ready = await app.get('/health/ready');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ status: 'not ready', reasons: ['this replica is draining'] });
  });

  it('counts all symbols and names fifty', async () => {
    const symbols = Array.from({ length: 5_000 }, (_, index) => `S${index}`);
    await serve({ feed: { ...goodVitals.feed, sources: [{ name: 'simulator', state: 'live', symbols }] } });
    expect(await (await app.get('/health')).json()).toMatchObject({
      feed: { sources: [{ symbolCount: 5_000, symbols: symbols.slice(0, 50) }] },
    });
  });
});
