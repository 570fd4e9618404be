/** Symbols that nobody may add or retire, users that are none, and what is asked of figures. */
import type { CodeName } from '../../../protocol/index.ts';
import { ask, badRequest, refused, type HttpRow } from './http-row.ts';
import { call, withKey } from './operation-rows.ts';

/** What stands in the path where a symbol belongs. */
const badSymbols: readonly [name: string, text: string, refusal?: CodeName][] = [
  ['with a glob', 'BTC*'],
  ['of every symbol', '*'],
  ['of markup', '%3Cb%3E'],
  ['with a blank', 'A%20B'],
  ['with a comma', 'AAPL,MSFT'],
  ['of three parts', 'A-B-C'],
  ['of a prototype', '__proto__'],
  ['of a room', 'tick:AAPL'],
  ['above the root', '..%5c..%5cetc'],
  ['with a line break', 'A%0d%0aX-Injected:%20yes'],
  ['in digits of another script', '%D9%A1%D9%A2'],
  ['of 34 letters', `${'A'.repeat(17)}-${'B'.repeat(16)}`],
  ['of 5,000 letters', 'A'.repeat(5_000)],
  ['that is no UTF-8', '%ff', 'bad_payload'],
];

const put = (symbol: string, body: unknown = {}): string => call('PUT', `/api/symbols/${symbol}`, body);
const retire = (symbol: string): string =>
  ask(`/api/symbols/${symbol}`, { method: 'DELETE', lines: [withKey] });

export const symbolRows: readonly HttpRow[] = [
  ...badSymbols.flatMap(([name, text, refusal = 'bad_symbol']) => [
    { name: `a new symbol ${name}`, send: put(text), expect: refused(refusal) },
    { name: `the end of a symbol ${name}`, send: retire(text), expect: refused(refusal) },
  ]),
  { name: 'a new symbol with a zero byte', send: put('A%00'), expect: badRequest },
  { name: 'a new symbol without a name', send: put(''), expect: refused('method_not_allowed') },
  { name: 'the end of all symbols', send: retire(''), expect: refused('method_not_allowed') },
  {
    name: 'the end of a symbol that is not there',
    send: retire('NOBODY'),
    expect: refused('unknown_symbol'),
  },
  { name: 'the end of an object', send: retire('constructor'), expect: refused('unknown_symbol') },
  ...[
    ['that is not there', 'nobody'],
    ['of a prototype', '__proto__'],
    ['of an object', 'constructor'],
    ['of nothing', ''],
    ['with a glob', '*'],
    ['of 900 letters', 'p'.repeat(900)],
  ].map(([name, feed]) => ({
    name: `a new symbol of a source ${name}`,
    send: put('FRESH', { feed }),
    expect: refused('unknown_feed'),
  })),
  ...[7, null, ['push'], { name: 'push' }, true].map((feed) => ({
    name: `a new symbol of the source ${JSON.stringify(feed)}`,
    send: put('FRESH', { feed }),
    expect: refused('bad_payload'),
  })),
  {
    name: 'a symbol that another source has',
    send: put('AAPL', { feed: 'push' }),
    expect: refused('symbol_of_other_source'),
  },
  { name: 'a key too many', send: put('FRESH', { feed: 'push', price: 1 }), expect: refused('bad_payload') },
  {
    name: 'a symbol that is there already',
    send: put('demo'),
    expect: { status: 200, body: /^\{"symbol":"DEMO","state":"listed","feed":"push"\}$/ },
  },
];

const disconnect = (user: string): string =>
  ask(`/api/users/${user}/disconnect`, { method: 'POST', lines: [withKey] });

export const userRows: readonly HttpRow[] = [
  ...[
    ['with a glob', 'user:*'],
    ['of every user', '*'],
    ['with a question mark', 'bystande%3F'],
    ['of a list of letters', 'bystande[r]'],
    ['of markup', '%3Cb%3E'],
    ['with a blank', 'ann%20b'],
    ['with a line break', 'ann%0d%0aX-Injected:%20yes'],
    ['with a backslash', 'a%5cb'],
    ['with an encoded slash', 'a%2Fb'],
    ['of another script', '%D8%A7'],
    ['of 129 letters', 'a'.repeat(129)],
    ['that is no UTF-8', '%ff'],
  ].flatMap(([name = '', user = '']) => [
    { name: `the end of a user ${name}`, send: disconnect(user), expect: refused('bad_payload') },
    {
      name: `figures of a user ${name}`,
      send: ask(`/api/stats/connections?user=${user}`, { lines: [withKey] }),
      expect: refused('bad_payload'),
    },
  ]),
  ...['nobody', '__proto__', 'constructor'].map((user) => ({
    name: `the end of ${user}, who is not there`,
    send: disconnect(user),
    expect: { status: 200, body: /^\{"disconnected":0\}$/ },
  })),
  {
    name: 'figures of two users',
    send: ask('/api/stats/connections?user=ann&user=bob', { lines: [withKey] }),
    expect: refused('bad_payload'),
  },
];

/** What has no key and says nothing that is not for all: the document, its page and what belongs to it. */
export const documentRows: readonly HttpRow[] = ['/api/openapi.json', '/api/docs', '/api/docs.css'].flatMap(
  (path) => [
    { name: `${path} by PUT`, send: ask(path, { method: 'PUT' }), expect: refused('method_not_allowed') },
    {
      name: `${path} that one has already`,
      send: ask(path, { lines: ['If-None-Match: *'] }),
      expect: { status: 304, body: /^$/ },
    },
    {
      name: `${path} with a key in its query`,
      send: ask(`${path}?api_key=dummy-key-1&%3Cscript%3E`),
      expect: {
        status: 200,
        headers: { 'x-content-type-options': /^nosniff$/, 'content-security-policy': /./ },
      },
    },
    {
      name: `below ${path}`,
      send: ask(`${path}/x`),
      expect: refused('not_found'),
    },
  ],
);
