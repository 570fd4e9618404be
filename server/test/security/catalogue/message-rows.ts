/** Messages and quotes to users whose form is right and whose content is not. */
import { ask, refused, type HttpRow } from './http-row.ts';
import { call } from './operation-rows.ts';

const json = 'Content-Type: application/json';
const message = (body: unknown): string => call('POST', '/api/message', body);
const quote = (body: unknown): string => call('POST', '/api/quote', body);
const userIds: readonly [string, unknown][] = [
  ['a glob', 'user:*'],
  ['a question mark', 'ann?'],
  ['a list of letters', 'a[nb]n'],
  ['every user', '*'],
  ['blanks', 'ann b'],
  ['a line break', 'ann\n'],
  ['a zero byte', 'ann\0'],
  ['a slash', '../ann'],
  ['markup', '<script>'],
  ['129 letters', 'a'.repeat(129)],
  ['nothing', ''],
  ['another script', '\u202eann'],
  ['a number', 7],
  ['a list', ['ann']],
  ['an object', { id: 'ann' }],
];

export const messageRows: readonly HttpRow[] = [
  ...userIds.map(([name, userId]) => ({
    name: `a message to a user id of ${name}`,
    send: message({ userId }),
    expect: refused('bad_payload'),
  })),
  ...userIds.map(([name, userId]) => ({
    name: `a quote to a user id of ${name}`,
    send: quote({ userId, symbol: 'AAPL' }),
    expect: refused('bad_payload'),
  })),
  ...(
    [
      ['nobody', {}],
      ['two', { userId: 'ann', all: true }],
      ['all three', { userId: 'ann', symbol: 'AAPL', all: true }],
      ['not all', { all: false }],
      ['all in words', { all: 'true' }],
      ['a room', { all: true, room: 'tick:AAPL' }],
      ['an event with a blank', { all: true, event: 'two words' }],
      ['an event of 65 letters', { all: true, event: 'e'.repeat(65) }],
      ['an event that is a number', { all: true, event: 7 }],
      ['an empty event', { all: true, event: '' }],
      ['an event of markup', { all: true, event: '<b>' }],
      ['data of 33 levels', { all: true, data: JSON.parse('['.repeat(33) + ']'.repeat(33)) as unknown }],
    ] as const
  ).map(([name, body]) => ({
    name: `a message to ${name}`,
    send: message(body),
    expect: refused('bad_payload'),
  })),
  ...[
    'connect',
    'connect_error',
    'disconnect',
    'disconnecting',
    'newListener',
    'removeListener',
    'error',
    'hello',
    'feed',
    'tick',
    'snapshot',
    'heartbeat',
    'shutdown',
    'refused',
    'quote',
    'subscribe',
    'unsubscribe',
    'send_message',
    'refresh_token',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ].map((event) => ({
    name: `a message as the event ${event}`,
    send: message({ all: true, event }),
    expect: refused('reserved_event'),
  })),
  {
    name: 'a message to a symbol with a glob',
    send: message({ symbol: 'tick:*' }),
    expect: refused('bad_symbol'),
  },
  {
    name: 'a message to a symbol that is not listed',
    send: message({ symbol: 'NOBODY' }),
    expect: refused('unknown_symbol'),
  },
  {
    name: 'a message to a user who is not there',
    send: message({ userId: 'nobody' }),
    expect: { status: 200, body: /^\{"delivered":0\}$/ },
  },
  {
    name: 'a quote of a symbol with a glob',
    send: quote({ userId: 'ann', symbol: 'A*' }),
    expect: refused('bad_symbol'),
  },
  {
    name: 'a quote of a symbol that is not listed',
    send: quote({ userId: 'ann', symbol: 'NOBODY' }),
    expect: refused('unknown_symbol'),
  },
  {
    name: 'a quote of a symbol without a price',
    send: quote({ userId: 'ann', symbol: 'ACME' }),
    expect: refused('no_price'),
  },
  {
    name: 'a quote to a user who is not there',
    send: quote({ userId: 'nobody', symbol: 'AAPL' }),
    expect: refused('no_session'),
  },
  ...[
    ['a session that is not there', 'Session nobody:dummy-secret'],
    ['a session of a prototype', 'Session __proto__:dummy-secret'],
  ].map(([name, authorization]) => ({
    name: `a quote for ${name}`,
    send: ask('/api/quote', {
      method: 'POST',
      lines: [`Authorization: ${authorization}`, json],
      body: '{"userId":"ann","symbol":"AAPL"}',
    }),
    expect: refused('bad_session'),
  })),
  ...[
    ['without a secret', 'Session nobody'],
    ['of 65 letters', `Session ${'s'.repeat(65)}:dummy-secret`],
    ['with a blank', 'Session no body:dummy-secret'],
    ['as a basic sign-in', `Basic ${Buffer.from('ann:dummy-secret').toString('base64')}`],
  ].map(([name, authorization]) => ({
    name: `a quote for a session ${name}`,
    send: ask('/api/quote', {
      method: 'POST',
      lines: [`Authorization: ${authorization}`, json],
      body: '{"userId":"ann","symbol":"AAPL"}',
    }),
    expect: refused('credentials_required'),
  })),
];
