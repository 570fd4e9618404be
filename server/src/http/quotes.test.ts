/** `GET /api/ticks` through a true server: the last quotes, for everyone. */
import { describe, expect, it } from 'vitest';
import type { Quote } from '../../protocol/index.ts';
import { problemOf, serveApp, serveEachTest } from '../../test/support/stand-ins/serve-app.ts';
import { BackplaneUnavailable } from '../backplane/contract.ts';

function quoteOf(symbol: string): Quote {
  const day = { open: '1', high: '2', low: '1', volume: '0' };
  return { symbol, price: '1.50', gen: 'abc123', seq: 1, ts: 1, stale: false, ...day };
}

const get = (query: string, init?: RequestInit): Promise<Response> => app.get(`/api/ticks${query}`, init);

const app = serveEachTest(() => ({
  symbols: () => ['ACME', 'DEMO', 'NEW'],
  quotes: (symbols) =>
    symbols
      .filter((symbol) => symbol !== 'NEW')
      .map(quoteOf)
      .toReversed(),
}));

describe('GET /api/ticks', () => {
  it('gives the last quotes without a key, in the order asked, each once, and the symbols without a price', async () => {
    const answer = await get('?symbols=NEW,demo,ACME,DEMO');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({ quotes: [quoteOf('DEMO'), quoteOf('ACME')], missing: ['NEW'] });
  });

  it('gives all that are listed where none are asked for', async () => {
    expect(await (await get('')).json()).toEqual({
      quotes: [quoteOf('ACME'), quoteOf('DEMO')],
      missing: ['NEW'],
    });
  });

  it('takes the parameter more than once', async () => {
    const answer = await get('?symbols=DEMO&symbols=NEW');
    expect(await answer.json()).toEqual({ quotes: [quoteOf('DEMO')], missing: ['NEW'] });
  });

  it('names an unlisted symbol with 404', async () => {
    expect(await problemOf(await get('?symbols=DEMO,NOPE'))).toMatchObject({
      status: 404,
      name: 'unknown_symbol',
      detail: 'NOPE is not listed here',
    });
  });

  it.each(['', 'DEMO,', '*', 'DE%20MO', '%3Cb%3E', 'A'.repeat(40), '%00', '%E0%A4%A'])(
    'symbols=%s is 400',
    async (symbols) => {
      expect(await problemOf(await get(`?symbols=${symbols}`))).toMatchObject({
        status: 400,
        name: 'bad_symbol',
      });
    },
  );

  it('answers HEAD like GET without a body', async () => {
    const answer = await get('?symbols=DEMO', { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(50);
    expect(await answer.text()).toBe('');
  });

  it('is 503 with Retry-After until the prices were read for the first time', async () => {
    const away = await serveApp({
      quotes: () => {
        throw new BackplaneUnavailable('away');
      },
    });
    const answer = await fetch(`${away.url}/api/ticks`);
    await away.close();
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await problemOf(answer)).toMatchObject({ status: 503, name: 'store_unavailable', retry: 'later' });
  });
});
