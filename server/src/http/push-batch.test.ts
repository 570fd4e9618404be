/** What a push may hold, tick by tick; the door around it is tested in ticks.test.ts. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../protocol/index.ts';
import { parsePush } from './push-batch.ts';

const now = Date.UTC(2026, 0, 2);
const json = JSON.stringify;

/** The refusal's text, or the ticks where nothing is wrong with them. */
function said(body: unknown): unknown {
  const parsed = parsePush(body, now);
  return parsed.ok ? parsed.ticks : parsed.refusal.message;
}

const noDecimal = 'ticks[0].price: must be a decimal number, as text or as a number';
const notPlain = 'ticks[0].price: must be a plain decimal such as "64250.10": digits and one point';
const noTime = 'ticks[0].ts: must be epoch milliseconds, a whole number';
const tooManyDigits =
  'ticks[0].price: has more digits than a JSON number holds for certain (15): send it as text';

describe('a tick that is wrong', () => {
  it.each([
    [{ symbol: 'DEMO' }, noDecimal],
    [{ symbol: 'DEMO', price: true }, noDecimal],
    [{ symbol: 'DEMO', price: { valueOf: 1 } }, noDecimal],
    [{ symbol: 'DEMO', price: ['1'] }, noDecimal],
    [
      { symbol: 'DEMO', price: '12345678901234567' },
      'ticks[0].price: must have at most 16 significant digits',
    ],
    [{ symbol: 'DEMO', price: -1 }, 'ticks[0].price: must not be negative'],
    [{ symbol: 'DEMO', price: 1234567890.123456 }, tooManyDigits],
    [{ price: '1' }, 'ticks[0].symbol: must be a symbol such as "BTC-USD"'],
    [{ symbol: 7, price: '1' }, 'ticks[0].symbol: must be a symbol such as "BTC-USD"'],
    [{ symbol: 'DE MO', price: '1' }, 'ticks[0].symbol: "DE MO" is not a symbol such as "BTC-USD"'],
    [{ symbol: '<b>', price: '1' }, 'ticks[0].symbol: "<b>" is not a symbol such as "BTC-USD"'],
    [{ symbol: 'DEMO', price: '1', size: '-1' }, notPlain.replace('price', 'size')],
    [{ symbol: 'DEMO', price: '1', volume: null }, noDecimal.replace('price', 'volume')],
    [{ symbol: 'DEMO', price: '1', ts: 1_700_000_000 }, 'ticks[0].ts: lies before the year 2000'],
    [{ symbol: 'DEMO', price: '1', ts: now + 60_001 }, 'ticks[0].ts: lies more than 60 s in the future'],
    [{ symbol: 'DEMO', price: '1', ts: now - 0.5 }, noTime],
    [{ symbol: 'DEMO', price: '1', ts: String(now) }, noTime],
    [{ symbol: 'DEMO', price: '5', high: '4' }, 'ticks[0].high: is below price'],
    [{ symbol: 'DEMO', price: '5', low: '5.01' }, 'ticks[0].low: is above price'],
    [
      { symbol: 'DEMO', price: '5', high: '6', low: '7' },
      'ticks[0].high: is below low; ticks[0].low: is above price',
    ],
    [{ symbol: 'DEMO', price: '1', bid: '1' }, 'ticks[0]: "bid" is no field of a tick'],
    ['DEMO', 'ticks[0]: must be an object'],
    [null, 'ticks[0]: must be an object'],
    [[], 'ticks[0]: must be an object'],
  ])('%j is refused with its place and reason', (tick, message) => {
    expect(said([tick])).toBe(message);
  });

  it.each(['abc', '-1', '1e400', '', '9'.repeat(41)])('the price "%s" is refused', (price) => {
    expect(said([{ symbol: 'DEMO', price }])).toBe(notPlain);
  });

  it.each(['0', '0.000', 0])('the price %j is refused', (price) => {
    expect(said([{ symbol: 'DEMO', price }])).toBe('ticks[0].price: must be more than 0');
  });

  it.each([
    ['1e400', noDecimal],
    ['1e-300', tooManyDigits],
    ['12345678901234567890', tooManyDigits],
  ])('the JSON number %s is refused', (price, message) => {
    expect(said(JSON.parse(`[{"symbol":"DEMO","price":${price}}]`))).toBe(message);
  });

  it.each(['__proto__', 'constructor', 'toString'])('the key %s is refused', (key) => {
    const body: unknown = JSON.parse(`[{"symbol":"DEMO","price":"1",${json(key)}:{"size":"9"}}]`);
    expect(said(body)).toBe(`ticks[0]: ${json(key)} is no field of a tick`);
  });

  it('costs the whole list, and every problem is named by its index', () => {
    const list = [
      { symbol: 'DEMO', price: '1' },
      { symbol: 'DEMO', price: 'abc', ts: 1 },
      { symbol: 'A B', price: '1' },
    ];
    expect(said(list)).toBe(
      `${notPlain.replace('[0]', '[1]')}; ticks[1].ts: lies before the year 2000; ticks[2].symbol: "A B" is not a symbol such as "BTC-USD"`,
    );
  });

  it('is one of at most 20 that are named', () => {
    const list = Array.from({ length: 500 }, () => ({ symbol: 'DEMO', price: 'abc' }));
    const message = String(said(list));
    expect(message.match(/ticks\[\d+\]\.price/g)).toHaveLength(20);
    expect(message).toMatch(/; and more$/);
  });
});

describe('a tick that is right', () => {
  it('keeps text digit for digit, and what it says of the day', () => {
    const tick = { symbol: 'demo', price: '64250.10', size: '0.00120', ts: now - 5, open: '64000' };
    expect(said([{ ...tick, high: '64300.0', low: '1', close: '63999.9', volume: '0' }])).toEqual([
      {
        symbol: 'DEMO',
        price: '64250.10',
        size: '0.00120',
        ts: now - 5,
        day: { open: '64000', high: '64300.0', low: '1', volume: '0', prevClose: '63999.9' },
      },
    ]);
  });

  it('gets the time of arrival where it states none, and may be a minute ahead', () => {
    const ts = now + limits.maxClockAheadMs;
    expect(
      said([
        { symbol: 'DEMO', price: 0.0000001, size: 0 },
        { symbol: 'DEMO', price: '1', ts },
      ]),
    ).toEqual([
      { symbol: 'DEMO', price: '0.0000001', size: '0', ts: now },
      { symbol: 'DEMO', price: '1', ts },
    ]);
  });

  it('has every price of up to 16 digits as it was written', () => {
    const price = fc
      .tuple(fc.integer({ min: 1, max: 99_999_999 }), fc.stringMatching(/^[0-9]{0,8}$/))
      .map(([whole, fraction]) => (fraction === '' ? String(whole) : `${whole}.${fraction}`));
    fc.assert(
      fc.property(price, (text) => {
        expect(said([{ symbol: 'DEMO', price: text }])).toEqual([{ symbol: 'DEMO', price: text, ts: now }]);
      }),
    );
  });
});

describe('any other body', () => {
  it.each([undefined, null, {}, 'x', { ticks: [] }])('%j is refused', (body) => {
    expect(said(body)).toContain('must be a list of ticks');
  });

  it('whatever it is, is refused without an exception', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(typeof said([body])).toBe('string');
      }),
    );
  });
});
