/** Calls of the API whose form is right and whose content is not. What one unit test proves of a value is sent here as one or two rows. */
import { ask, badRequest, call, json, withKey, type HttpRow } from './http-row.ts';
import { badUserIds, usersInAddress } from './user-ids.ts';

const get = (target: string, ...lines: string[]): string => ask(target, { lines: [withKey, ...lines] });
const post = (target: string): string => ask(target, { method: 'POST', lines: [withKey] });
const message = (body: unknown): string => call('POST', '/api/message', body);
const quote = (body: unknown): string => call('POST', '/api/quote', body);
const put = (symbol: string, body: unknown = {}): string => call('PUT', `/api/symbols/${symbol}`, body);
const retire = (symbol: string): string =>
  ask(`/api/symbols/${symbol}`, { method: 'DELETE', lines: [withKey] });
const injected = '%0d%0aX-Injected:%20yes';

const symbolsInAddress: readonly [string, string][] = [
  ['a glob', 'BTC*'],
  ['markup', '%3Cscript%3E'],
  ['a line break', `A${injected}`],
  ['a prototype', '__proto__'],
  ['6,000 letters', 'A'.repeat(6_000)],
];

export const readRows: readonly HttpRow[] = [
  ...symbolsInAddress.map(([name, symbols]): HttpRow => [
    `quotes of ${name}`,
    get(`/api/ticks?symbols=${symbols}`),
    'bad_symbol',
  ]),
  ['quotes of nothing between commas', get('/api/ticks?symbols=AAPL,,MSFT'), 'bad_symbol'],
  ['quotes of a zero byte, encoded twice', get('/api/ticks?symbols=%2500'), 'bad_symbol'],
  ['quotes of an object', get('/api/ticks?symbols=constructor'), 'unknown_symbol'],
  [
    'quotes of the same symbol 100 times',
    get(`/api/ticks?${'symbols=aapl&'.repeat(100)}`),
    { status: 200, body: /^\{"quotes":\[\{[^{}]*\}\],"missing":\[\]\}$/ },
  ],
  [
    'a part of the quotes',
    get('/api/ticks?symbols=AAPL', 'Range: bytes=0-1'),
    { status: 200, body: /^\{"quotes".*\}$/ },
  ],
  ['quotes that one has already', get('/api/ticks?symbols=AAPL', 'If-None-Match: "dummy"'), 200],
  [
    'the head of quotes',
    ask('/api/ticks?symbols=AAPL', { method: 'HEAD' }),
    { status: 200, body: /^$/, headers: { 'content-length': /^[1-9]\d+$/ } },
  ],
  ['a path of the API that is not there', get('/api/nobody'), 'not_found'],
  ['a path of the API of a prototype', get('/api/__proto__'), 'not_found'],
  ['the API itself', get('/api'), 'not_found'],
  ...['r9', '*', '__proto__', 'r1%2Fdrain', `r1${injected}`, 'r'.repeat(5_000)].map((id): HttpRow => [
    `a drain of the replica ${id.slice(0, 30)}`,
    post(`/api/nodes/${id}/drain`),
    'not_found',
  ]),
  ['a drain of a replica that is no UTF-8', post('/api/nodes/%ff/drain'), 'bad_payload'],
];

export const symbolRows: readonly HttpRow[] = [
  ...symbolsInAddress.flatMap(([name, symbol]): HttpRow[] => [
    [`a new symbol of ${name}`, put(symbol), 'bad_symbol'],
    [`the end of a symbol of ${name}`, retire(symbol), 'bad_symbol'],
  ]),
  ['a new symbol that is no UTF-8', put('%ff'), 'bad_payload'],
  ['a new symbol with a zero byte', put('A%00'), badRequest],
  ['a new symbol without a name', put(''), 'method_not_allowed'],
  ['the end of all symbols', retire(''), 'method_not_allowed'],
  ['the end of a symbol that is not there', retire('NOBODY'), 'unknown_symbol'],
  ['the end of an object', retire('constructor'), 'unknown_symbol'],
  ...['nobody', '__proto__', 'constructor', '', '*', 'p'.repeat(900)].map((feed): HttpRow => [
    `a new symbol of the source "${feed.slice(0, 30)}"`,
    put('FRESH', { feed }),
    'unknown_feed',
  ]),
  ...[7, null, ['push'], { name: 'push' }, true].map((feed): HttpRow => [
    `a new symbol of the source ${JSON.stringify(feed)}`,
    put('FRESH', { feed }),
    'bad_payload',
  ]),
  ['a symbol that another source has', put('AAPL', { feed: 'push' }), 'symbol_of_other_source'],
  ['a key too many', put('FRESH', { feed: 'push', price: 1 }), 'bad_payload'],
  [
    'a symbol that is there already',
    put('demo'),
    { status: 200, body: /^\{"symbol":"DEMO","state":"listed","feed":"push"\}$/ },
  ],
];

export const userRows: readonly HttpRow[] = [
  ...[...usersInAddress, ['that is no UTF-8', '%ff']].flatMap(([name, user]): HttpRow[] => [
    [`the end of a user ${name}`, post(`/api/users/${user}/disconnect`), 'bad_payload'],
    [`figures of a user ${name}`, get(`/api/stats/connections?user=${user}`), 'bad_payload'],
  ]),
  ...['nobody', '__proto__', 'constructor'].map((user): HttpRow => [
    `the end of ${user}, who is not there`,
    post(`/api/users/${user}/disconnect`),
    { status: 200, body: /^\{"disconnected":0\}$/ },
  ]),
  ['figures of two users', get('/api/stats/connections?user=ann&user=bob'), 'bad_payload'],
];

/** A quote that this line of a header should allow. */
const quoteFor = (authorization: string): string =>
  ask('/api/quote', {
    method: 'POST',
    lines: [`Authorization: ${authorization}`, json],
    body: '{"userId":"ann","symbol":"AAPL"}',
  });

export const messageRows: readonly HttpRow[] = [
  ...badUserIds.flatMap(([name, userId]): HttpRow[] => [
    [`a message to a user ${name}`, message({ userId }), 'bad_payload'],
    [`a quote to a user ${name}`, quote({ userId, symbol: 'AAPL' }), 'bad_payload'],
  ]),
  ['a message to all three', message({ userId: 'ann', symbol: 'AAPL', all: true }), 'bad_payload'],
  ['a message to all in words', message({ all: 'true' }), 'bad_payload'],
  ['a message to a room', message({ all: true, room: 'tick:AAPL' }), 'bad_payload'],
  ['a message as an event of markup', message({ all: true, event: '<b>' }), 'bad_payload'],
  [
    'a message with data of 33 levels',
    message(`{"all":true,"data":${'['.repeat(33)}${']'.repeat(33)}}`),
    'bad_payload',
  ],
  ...['connect', 'newListener', 'error', 'tick', 'subscribe', '__proto__', 'constructor'].map(
    (event): HttpRow => [`a message as the event ${event}`, message({ all: true, event }), 'reserved_event'],
  ),
  ['a message to a symbol with a glob', message({ symbol: 'tick:*' }), 'bad_symbol'],
  ['a message to a symbol that is not listed', message({ symbol: 'NOBODY' }), 'unknown_symbol'],
  [
    'a message to a user who is not there',
    message({ userId: 'nobody' }),
    { status: 200, body: /^\{"delivered":0\}$/ },
  ],
  ['a quote of a symbol with a glob', quote({ userId: 'ann', symbol: 'A*' }), 'bad_symbol'],
  ['a quote of a symbol that is not listed', quote({ userId: 'ann', symbol: 'NOBODY' }), 'unknown_symbol'],
  ['a quote of a symbol without a price', quote({ userId: 'ann', symbol: 'ACME' }), 'no_price'],
  ['a quote to a user who is not there', quote({ userId: 'nobody', symbol: 'AAPL' }), 'no_session'],
  ['a quote for a session that is not there', quoteFor('Session nobody:dummy-secret'), 'bad_session'],
  ['a quote for a session of a prototype', quoteFor('Session __proto__:dummy-secret'), 'bad_session'],
  ...['nobody', `${'s'.repeat(65)}:dummy-secret`, 'no body:dummy-secret'].map((session): HttpRow => [
    `a quote for the session ${session.slice(0, 30)}`,
    quoteFor(`Session ${session}`),
    'credentials_required',
  ]),
  ['a quote for a basic sign-in', quoteFor(`Basic ${btoa('ann:dummy-secret')}`), 'credentials_required'],
];

/** What has no key and says nothing that is not for all: the document, its page and what belongs to it. */
export const documentRows: readonly HttpRow[] = ['/api/openapi.json', '/api/docs', '/api/docs.css'].flatMap(
  (path): HttpRow[] => [
    [`${path} by PUT`, ask(path, { method: 'PUT' }), 'method_not_allowed'],
    [`${path} that one has already`, ask(path, { lines: ['If-None-Match: *'] }), { status: 304, body: /^$/ }],
    [
      `${path} with a key in its query`,
      ask(`${path}?api_key=dummy-key-1&%3Cscript%3E`),
      { status: 200, headers: { 'x-content-type-options': /^nosniff$/, 'content-security-policy': /./ } },
    ],
    [`below ${path}`, ask(`${path}/x`), 'not_found'],
  ],
);
