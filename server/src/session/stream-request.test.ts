import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../protocol/index.ts';
import { parseStreamRequest } from './stream-request.ts';

const listed = new Set(['BTC-USD', 'BRK.B', 'EUR/USD']);
const parse = (url: string) =>
  parseStreamRequest(url, (symbol) =>
    listed.has(symbol) ? null : symbol === 'OLD' ? 'retired' : 'unknown_symbol',
  );

/** What was asked for, or the name of the refusal. */
function asked(url: string) {
  const parsed = parse(url);
  if (!parsed.ok) return parsed.refusal.name;
  const { symbols, everyMs, since } = parsed.value;
  return { symbols, everyMs, since };
}

describe('parseStreamRequest', () => {
  it.each([
    ['/stream', { symbols: [], everyMs: 0, since: {} }],
    ['/stream/', { symbols: [], everyMs: 0, since: {} }],
    ['/stream/btc-usd', { symbols: ['BTC-USD'], everyMs: 0, since: {} }],
    ['/stream/EUR/USD', { symbols: ['EUR/USD'], everyMs: 0, since: {} }],
    ['/stream/EUR%2fUSD', { symbols: ['EUR/USD'], everyMs: 0, since: {} }],
    ['/stream?symbols=BTC-USD,brk.b', { symbols: ['BTC-USD', 'BRK.B'], everyMs: 0, since: {} }],
    ['/stream?symbols=BTC-USD&symbols=BRK.B', { symbols: ['BTC-USD', 'BRK.B'], everyMs: 0, since: {} }],
    ['/stream/BTC-USD?symbols=BTC-USD', { symbols: ['BTC-USD'], everyMs: 0, since: {} }],
    ['/stream/BTC-USD?everyMs=1000&x=1', { symbols: ['BTC-USD'], everyMs: 1_000, since: {} }],
    [
      '/stream/BTC-USD?since=btc-usd:aZ-_09:7,BRK.B:other1:0',
      { symbols: ['BTC-USD'], everyMs: 0, since: { 'BTC-USD': ['aZ-_09', 7], 'BRK.B': ['other1', 0] } },
    ],
  ])('[PW1][PW2] takes %s', (url, expected) => {
    expect(asked(url)).toEqual(expected);
  });

  it.each([
    ['', 'not_found'],
    ['/', 'not_found'],
    ['/streams', 'not_found'],
    ['/STREAM', 'not_found'],
    ['/x/stream', 'not_found'],
    ['/stream//BTC-USD', 'bad_symbol'],
    ['/stream/%', 'bad_symbol'],
    ['/stream?symbols', 'bad_symbol'],
    ['/stream?symbols=*', 'bad_symbol'],
    ['/stream?symbols=BTC-USD,', 'bad_symbol'],
    ['/stream/ETH-USD', 'unknown_symbol'],
    ['/stream/__proto__', 'bad_symbol'],
    [`/stream?symbols=${'A,'.repeat(limits.maxSymbolsPerCall)}A`, 'too_many_symbols'],
    ...['', '7', '-1', '0.5', '1e3', '0x0', '250.0', '+250', '5%27', 'NaN', '1e9', '9'.repeat(20)].map(
      (everyMs) => [`/stream?everyMs=${everyMs}`, 'rate_not_offered'],
    ),
    ...[',', 'BTC-USD', 'BTC-USD:gen001', 'BTC-USD::1', ':gen001:1', 'A*:gen001:1', '__proto__:gen001:1'].map(
      (since) => [`/stream?since=${since}`, 'bad_payload'],
    ),
    ...['-1', '1.5', '9007199254740992', 'five', '1:1', '1,,'].map((position) => [
      `/stream?since=BTC-USD:gen001:${position}`,
      'bad_payload',
    ]),
  ])('[PW1][PW2] refuses %s', (url, name) => {
    expect(asked(url)).toBe(name);
  });

  it('[C4] answers whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (rest) => {
        for (const url of [rest, `/stream/${rest}`, `/stream?${rest}`, `/stream?symbols=${rest}`])
          expect(typeof parse(url).ok).toBe('boolean');
      }),
    );
  });
});
