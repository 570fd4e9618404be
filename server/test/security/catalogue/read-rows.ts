/** Quotes that are asked for wrongly, paths that are not there, and replicas that are not. */
import { ask, refused, type HttpRow } from './http-row.ts';
import { withKey } from './operation-rows.ts';

const get = (target: string, lines: readonly string[] = []): string =>
  ask(target, { lines: [withKey, ...lines] });

export const readRows: readonly HttpRow[] = [
  ...[
    ['a glob', '*'],
    ['nothing between commas', 'AAPL,,MSFT'],
    ['nothing', ''],
    ['markup', '%3Cscript%3E'],
    ['a zero byte, encoded twice', '%2500'],
    ['a path', '..%2f..%2fetc'],
    ['6,000 letters', 'A'.repeat(6_000)],
  ].map(([name, symbols]) => ({
    name: `quotes of ${name}`,
    send: get(`/api/ticks?symbols=${symbols}`),
    expect: refused('bad_symbol'),
  })),
  {
    name: 'quotes of a symbol that is not listed',
    send: get('/api/ticks?symbols=NOBODY'),
    expect: refused('unknown_symbol'),
  },
  {
    name: 'quotes of a prototype',
    send: get('/api/ticks?symbols=constructor'),
    expect: refused('unknown_symbol'),
  },
  {
    name: 'quotes of the same symbol 100 times',
    send: get(`/api/ticks?${'symbols=aapl&'.repeat(100)}`),
    expect: { status: 200, body: /^\{"quotes":\[\{[^{}]*\}\],"missing":\[\]\}$/ },
  },
  {
    name: 'a part of the quotes',
    send: get('/api/ticks?symbols=AAPL', ['Range: bytes=0-1']),
    expect: { status: 200, body: /^\{"quotes".*\}$/ },
  },
  {
    name: 'quotes that one has already',
    send: get('/api/ticks?symbols=AAPL', [
      'If-None-Match: "dummy"',
      'If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT',
    ]),
    expect: { status: 200 },
  },
  {
    name: 'the head of quotes',
    send: ask('/api/ticks?symbols=AAPL', { method: 'HEAD' }),
    expect: { status: 200, body: /^$/, headers: { 'content-length': /^[1-9]\d+$/ } },
  },
  { name: 'a path of the API that is not there', send: get('/api/nobody'), expect: refused('not_found') },
  { name: 'a path of the API of a prototype', send: get('/api/__proto__'), expect: refused('not_found') },
  { name: 'the API itself', send: get('/api'), expect: refused('not_found') },
  ...[
    ['that is not there', 'r9'],
    ['with a glob', '*'],
    ['of a prototype', '__proto__'],
    ['with an encoded slash', 'r1%2Fdrain'],
    ['with markup', '%3Cb%3E'],
    ['with a line break', 'r1%0d%0aX-Injected:%20yes'],
    ['of 5,000 letters', 'r'.repeat(5_000)],
  ].map(([name, id]) => ({
    name: `a drain of a replica ${name}`,
    send: ask(`/api/nodes/${id}/drain`, { method: 'POST', lines: [withKey] }),
    expect: refused('not_found'),
  })),
  {
    name: 'a drain of a replica that is no UTF-8',
    send: ask('/api/nodes/%ff/drain', { method: 'POST', lines: [withKey] }),
    expect: refused('bad_payload'),
  },
];
