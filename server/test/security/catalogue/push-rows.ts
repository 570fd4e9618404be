/** Pushes whose form is right and whose content is not, and those that are odd and good. */
import { ask, refused, type HttpRow } from './http-row.ts';
import { call, withKey } from './operation-rows.ts';

const push = (body: unknown, lines: readonly string[] = []): string => call('PUT', '/api/ticks', body, lines);
const good = { symbol: 'DEMO', price: '1.5' };
const taken = { status: 200, body: /^\{"accepted":1,/ };

/** Ticks that are refused, each alone and behind a good one: none of a list is taken where one is bad. */
const badTicks: readonly [string, string][] = [
  ['a price of 1e400', '{"symbol":"DEMO","price":1e400}'],
  ['a price of abc', '{"symbol":"DEMO","price":"abc"}'],
  ['a price of -1', '{"symbol":"DEMO","price":-1}'],
  ['a price of -1 as text', '{"symbol":"DEMO","price":"-1"}'],
  ['a price of 0', '{"symbol":"DEMO","price":0}'],
  ['a price of 17 digits', '{"symbol":"DEMO","price":"12345678901234567"}'],
  ['a price of 17 digits as a number', '{"symbol":"DEMO","price":12345678901234567}'],
  ['a price with an exponent', '{"symbol":"DEMO","price":"1e3"}'],
  ['a price with a comma', '{"symbol":"DEMO","price":"1,5"}'],
  ['a price in hexadecimal', '{"symbol":"DEMO","price":"0x10"}'],
  ['a price with blanks', '{"symbol":"DEMO","price":" 1 "}'],
  ['an empty price', '{"symbol":"DEMO","price":""}'],
  ['a price of NaN as text', '{"symbol":"DEMO","price":"NaN"}'],
  ['a price of Infinity as text', '{"symbol":"DEMO","price":"Infinity"}'],
  ['a price that is an object', '{"symbol":"DEMO","price":{"valueOf":1}}'],
  ['a price that is a list', '{"symbol":"DEMO","price":["1"]}'],
  ['a price in digits of another script', '{"symbol":"DEMO","price":"\u0661"}'],
  ['no price', '{"symbol":"DEMO"}'],
  ['no symbol', '{"price":"1"}'],
  ['a symbol that is a number', '{"symbol":7,"price":"1"}'],
  ['a symbol with a glob', '{"symbol":"DEM*","price":"1"}'],
  ['a symbol of markup', '{"symbol":"<b>","price":"1"}'],
  ['a symbol of 10 KB', `{"symbol":"${'A'.repeat(10_000)}","price":"1"}`],
  ['a negative size', '{"symbol":"DEMO","price":"1","size":"-1"}'],
  ['a time that is text', '{"symbol":"DEMO","price":"1","ts":"now"}'],
  ['a time with a fraction', '{"symbol":"DEMO","price":"1","ts":1.5}'],
  ['a time of the last century', '{"symbol":"DEMO","price":"1","ts":1}'],
  ['a time ten minutes ahead', `{"symbol":"DEMO","price":"1","ts":${Date.now() + 600_000}}`],
  ['a time of 2^53', `{"symbol":"DEMO","price":"1","ts":${2 ** 53}}`],
  ['a high below its low', '{"symbol":"DEMO","price":"2","high":"1","low":"3"}'],
  ['a price above its high', '{"symbol":"DEMO","price":"2","high":"1"}'],
  ['a key too many', '{"symbol":"DEMO","price":"1","room":"x"}'],
  ['a prototype', '{"symbol":"DEMO","price":"1","__proto__":{"size":"1"}}'],
  ['null', 'null'],
  ['a text', '"DEMO"'],
];

export const pushRows: readonly HttpRow[] = [
  ...badTicks.map(([name, tick]) => ({ name, send: push(`[${tick}]`), expect: refused('bad_payload') })),
  ...badTicks.map(([name, tick]) => ({
    name: `${name}, behind a good one`,
    send: push(`[${JSON.stringify(good)},${tick}]`),
    expect: refused('bad_payload'),
  })),
  {
    name: '1,001 ticks',
    send: push(Array.from({ length: 1_001 }, () => good)),
    expect: refused('too_many_symbols'),
  },
  { name: 'a tick that is no list', send: push(good), expect: refused('bad_payload') },
  {
    name: 'a symbol that is not listed',
    send: push([{ symbol: 'NOBODY', price: '1' }]),
    expect: refused('unknown_symbol'),
  },
  {
    name: 'a symbol of a prototype',
    send: push([{ symbol: 'CONSTRUCTOR', price: '1' }]),
    expect: refused('unknown_symbol'),
  },
  {
    name: 'a symbol of another source',
    send: push([{ symbol: 'AAPL', price: '1' }]),
    expect: refused('symbol_of_other_source'),
  },
  {
    name: 'a good symbol and one of another source',
    send: push([good, { symbol: 'AAPL', price: '1' }]),
    expect: refused('symbol_of_other_source'),
  },
  {
    name: 'an empty Idempotency-Key',
    send: push([good], ['Idempotency-Key: ']),
    expect: refused('bad_payload'),
  },
  {
    name: 'an Idempotency-Key of 129 characters',
    send: push([good], [`Idempotency-Key: ${'k'.repeat(129)}`]),
    expect: refused('bad_payload'),
  },
  {
    name: 'an Idempotency-Key that is no ASCII',
    send: push([good], ['Idempotency-Key: cl\xe9']),
    expect: refused('bad_payload'),
  },
];

/** Odd, and good. */
export const oddRows: readonly HttpRow[] = [
  {
    name: 'a push behind a byte order mark',
    send: push('\uFEFF[{"symbol":"DEMO","price":"1.5"}]'),
    expect: taken,
  },
  {
    name: 'a push in chunks that says what to expect',
    send:
      ask('/api/ticks', {
        method: 'PUT',
        lines: [
          withKey,
          'Content-Type: application/json',
          'Transfer-Encoding: chunked',
          'Expect: 100-continue',
        ],
      }) + '22\r\n[{"symbol":"DEMO","price":"1.50"}]\r\n0\r\n\r\n',
    expect: taken,
  },
  {
    name: 'a push on a condition that nobody checks',
    send: push([good], ['If-Match: "dummy"']),
    expect: taken,
  },
  { name: 'a push of a part', send: push([good], ['Content-Range: bytes 0-1/2']), expect: taken },
  { name: 'a push with its type twice', send: push([good], ['Content-Type: text/plain']), expect: taken },
  {
    name: 'a push that asks for another method',
    send: push([good], ['X-HTTP-Method-Override: DELETE']),
    expect: taken,
  },
  { name: 'a push with a slash at the end', send: call('PUT', '/api/ticks/', [good]), expect: taken },
  { name: 'a push in capitals', send: call('PUT', '/API/TICKS', [good]), expect: taken },
];
