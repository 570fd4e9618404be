/** Pushes whose form is right and whose content is not, and odd pushes that are good. `push-batch.test.ts` has every bad value. */
import { ask, call, json, withKey, type HttpRow } from './http-row.ts';

const push = (body: unknown, ...lines: string[]): string => call('PUT', '/api/ticks', body, lines);
const good = '{"symbol":"DEMO","price":"1.5"}';
const accepted = { status: 200, body: /^\{"accepted":1,/ };

/** Each is sent behind a good tick: nothing of a list is accepted if one tick is bad. */
const badTicks: readonly string[] = [
  '{"symbol":"DEMO","price":1e400}',
  '{"symbol":"DEMO","price":"abc"}',
  '{"symbol":"DEMO","price":-1}',
  '{"symbol":"DEMO","price":"12345678901234567"}',
  '{"symbol":"DEMO","price":12345678901234567}',
  '{"symbol":"DEMO","price":{"valueOf":1}}',
  '{"symbol":"DEM*","price":"1"}',
  '{"symbol":"<b>","price":"1"}',
  '{"symbol":"DEMO","price":"1","ts":"now"}',
  `{"symbol":"DEMO","price":"1","ts":${Date.now() + 600_000}}`,
  `{"symbol":"DEMO","price":"1","ts":${2 ** 53}}`,
  '{"symbol":"DEMO","price":"2","high":"1","low":"3"}',
  '{"symbol":"DEMO","price":"1","__proto__":{"size":"1"}}',
  `{"symbol":"${'A'.repeat(10_000)}","price":"1"}`,
  'null',
];

export const pushRows: readonly HttpRow[] = [
  ...badTicks.map((tick): HttpRow => [tick.slice(0, 70), push(`[${good},${tick}]`), 'bad_payload']),
  ['1,001 ticks', push(`[${good}${`,${good}`.repeat(1_000)}]`), 'too_many_symbols'],
  ['a tick that is no list', push(good), 'bad_payload'],
  ['a symbol that is not listed', push([{ symbol: 'NOBODY', price: '1' }]), 'unknown_symbol'],
  ['a symbol of a prototype', push([{ symbol: 'CONSTRUCTOR', price: '1' }]), 'unknown_symbol'],
  ['a symbol of another source', push(`[${good},{"symbol":"AAPL","price":"1"}]`), 'symbol_of_other_source'],
  ['an empty Idempotency-Key', push(`[${good}]`, 'Idempotency-Key: '), 'bad_payload'],
  ['an Idempotency-Key that is no ASCII', push(`[${good}]`, 'Idempotency-Key: cl\xe9'), 'bad_payload'],
  [
    'an Idempotency-Key of 129 characters',
    push(`[${good}]`, `Idempotency-Key: ${'k'.repeat(129)}`),
    'bad_payload',
  ],
];

/** Odd, and good. */
export const oddRows: readonly HttpRow[] = [
  ['a push behind a byte order mark', push(`\uFEFF[${good}]`), accepted],
  [
    'a push in chunks that says what to expect',
    ask('/api/ticks', {
      method: 'PUT',
      lines: [withKey, json, 'Transfer-Encoding: chunked', 'Expect: 100-continue'],
    }) + '22\r\n[{"symbol":"DEMO","price":"1.50"}]\r\n0\r\n\r\n',
    accepted,
  ],
  ['a push on a condition that nobody checks', push(`[${good}]`, 'If-Match: "dummy"'), accepted],
  ['a push of a part', push(`[${good}]`, 'Content-Range: bytes 0-1/2'), accepted],
  ['a push with its type twice', push(`[${good}]`, 'Content-Type: text/plain'), accepted],
  ['a push that asks for another method', push(`[${good}]`, 'X-HTTP-Method-Override: DELETE'), accepted],
  ['a push with a slash at the end', call('PUT', '/api/ticks/', `[${good}]`), accepted],
  ['a push in capitals', call('PUT', '/API/TICKS', `[${good}]`), accepted],
];
