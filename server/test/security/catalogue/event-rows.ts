/** Events that get one answer and change nothing; of a user who has one symbol. */
import { limits, type CodeName } from '../../../protocol/index.ts';
import type { Row } from '../row.ts';

/** The event and its payloads, and the name of the refusal. */
export type EventRow = Row<readonly [event: string, ...payload: unknown[]], CodeName>;

const tooMany = Array.from({ length: 10_001 }, () => 'AAPL');

const dummy = 'dummy-content';
/** What is wrong, the payloads, and the refusal where it is not `bad_payload`. */
type Wrong = readonly [name: string, payload: readonly unknown[], refusal?: CodeName];

const messagePayloads: readonly Wrong[] = [
  ['no payload', []],
  ['null', [null]],
  ['a text', [dummy]],
  ['a list', [['ann', dummy]]],
  ['recipient and content apart', ['ann', dummy]],
  ['two payloads', [{ recipient: 'ann', content: dummy }, 1]],
  ['no recipient', [{ content: dummy }]],
  ['no content', [{ recipient: 'ann' }]],
  ['a key too many', [{ recipient: 'ann', content: dummy, event: 'tick' }]],
  ['a key of a prototype', [JSON.parse('{"recipient":"ann","content":"dummy-content","__proto__":{}}')]],
  ['a list of recipients', [{ recipient: ['ann', 'bob'], content: dummy }]],
  ['a recipient that is a number', [{ recipient: 7, content: dummy }]],
  ['a recipient that is an object', [{ recipient: { $ne: null }, content: dummy }]],
  ['an empty recipient', [{ recipient: '', content: dummy }]],
  ['a recipient with a glob', [{ recipient: 'user:*', content: dummy }]],
  ['every recipient', [{ recipient: '*', content: dummy }]],
  ['a recipient with a blank', [{ recipient: 'ann b', content: dummy }]],
  ['a recipient of markup', [{ recipient: '<b>', content: dummy }]],
  ['a recipient of 129 letters', [{ recipient: 'a'.repeat(129), content: dummy }]],
  ['a room for a recipient', [{ recipient: 'tick:AAPL/', content: dummy }]],
  ['an empty content', [{ recipient: 'ann', content: '' }]],
  ['a content that is a number', [{ recipient: 'ann', content: 7 }]],
  ['a content that is an object', [{ recipient: 'ann', content: { text: dummy } }]],
  ['a binary content', [{ recipient: 'ann', content: Buffer.from(dummy) }]],
  [
    'a content of one letter too many',
    [{ recipient: 'ann', content: 'x'.repeat(limits.maxContentLength + 1) }],
    'payload_too_large',
  ],
];

const topics: readonly Wrong[] = [
  ['null', [null]],
  ['a text', ['cluster']],
  ['a number', [7]],
  ['an object', [{ topics: ['cluster'] }]],
  ['an empty list', [[]]],
  ['a list of numbers', [[7]]],
  ['a list in a list', [[['cluster']]]],
  ['two lists', [['cluster'], ['cluster']]],
  ['10,001 topics', [Array.from({ length: 10_001 }, () => 'cluster')]],
  ['a topic that is not there', [['everything']], 'unknown_topic'],
  ['a good topic and another', [['cluster', 'everything']], 'unknown_topic'],
  ['a topic with a glob', [['*']], 'unknown_topic'],
  ['a topic of a prototype', [['__proto__']], 'unknown_topic'],
  ['a room for a topic', [['tick:AAPL']], 'unknown_topic'],
  ['a topic of 10 KB', [['c'.repeat(10_000)]], 'unknown_topic'],
];

export const eventRows: readonly EventRow[] = [
  { name: 'no payload', send: ['subscribe'], expect: 'bad_payload' },
  { name: 'null', send: ['subscribe', null], expect: 'bad_payload' },
  { name: 'a number', send: ['subscribe', 7], expect: 'bad_payload' },
  { name: 'an empty object', send: ['subscribe', {}], expect: 'bad_payload' },
  { name: 'symbols that are no list', send: ['subscribe', { symbols: { 0: 'A' } }], expect: 'bad_payload' },
  { name: 'a list in a list', send: ['subscribe', [['AAPL']]], expect: 'bad_payload' },
  { name: 'binary', send: ['subscribe', Buffer.from('AAPL')], expect: 'bad_payload' },
  {
    name: 'everyMs as text',
    send: ['subscribe', { symbols: ['AAPL'], everyMs: '5' }],
    expect: 'bad_payload',
  },
  { name: 'everyMs of -1', send: ['subscribe', { symbols: ['AAPL'], everyMs: -1 }], expect: 'bad_payload' },
  {
    name: 'since of another form',
    send: ['subscribe', { symbols: ['AAPL'], since: ['AAPL', 1] }],
    expect: 'bad_payload',
  },
  {
    name: 'a position of -1',
    send: ['subscribe', { symbols: ['AAPL'], since: { AAPL: ['gen001', -1] } }],
    expect: 'bad_payload',
  },
  {
    name: 'a position of 1.5',
    send: ['subscribe', { symbols: ['AAPL'], since: { AAPL: ['gen001', 1.5] } }],
    expect: 'bad_payload',
  },
  {
    name: 'a position as text',
    send: ['subscribe', { symbols: ['AAPL'], since: { AAPL: ['gen001', '5'] } }],
    expect: 'bad_payload',
  },
  {
    name: 'a position of 2^53',
    send: ['subscribe', { symbols: ['AAPL'], since: { AAPL: ['gen001', 2 ** 53] } }],
    expect: 'bad_payload',
  },
  {
    name: 'a position of three',
    send: ['subscribe', { symbols: ['AAPL'], since: { AAPL: ['gen001', 5, 5] } }],
    expect: 'bad_payload',
  },
  {
    name: 'a generation that is a number',
    send: ['subscribe', { symbols: ['AAPL'], since: { AAPL: [1, 5] } }],
    expect: 'bad_payload',
  },
  { name: 'a key too many', send: ['subscribe', { symbols: ['AAPL'], room: 'x' }], expect: 'bad_payload' },
  {
    name: '1,000 payloads',
    send: ['subscribe', ...Array.from({ length: 1_000 }, () => 'AAPL')],
    expect: 'bad_payload',
  },
  { name: 'unsubscribe with a number', send: ['unsubscribe', 7], expect: 'bad_payload' },
  { name: 'unsubscribe with an object', send: ['unsubscribe', { symbols: ['AAPL'] }], expect: 'bad_payload' },
  { name: 'unsubscribe with two lists', send: ['unsubscribe', ['AAPL'], ['AAPL']], expect: 'bad_payload' },
  { name: 'subscribe of 10,001 symbols', send: ['subscribe', tooMany], expect: 'too_many_symbols' },
  { name: 'unsubscribe of 10,001 symbols', send: ['unsubscribe', tooMany], expect: 'too_many_symbols' },
  {
    name: 'a rate that is none',
    send: ['subscribe', { symbols: ['AAPL'], everyMs: 1e9 }],
    expect: 'rate_not_offered',
  },
  ...messagePayloads.map(([name, payload, expected = 'bad_payload']): EventRow => ({
    name: `send_message: ${name}`,
    send: ['send_message', ...payload],
    expect: expected,
  })),
  ...['watch', 'unwatch'].flatMap((event) =>
    topics.map(([name, payload, expected = 'bad_payload']): EventRow => ({
      name: `${event}: ${name}`,
      send: [event, ...payload],
      expect: expected,
    })),
  ),
  { name: 'watch: nothing', send: ['watch'], expect: 'bad_payload' },
  ...[
    'hello',
    'tick',
    'snapshot',
    'feed',
    'heartbeat',
    'shutdown',
    'refused',
    'message',
    'quote',
    'cluster',
    'tick:BTC-USD',
  ].map((event): EventRow => ({
    name: `${event}, which only a server sends`,
    send: [event, { symbol: 'BTC-USD', price: '1', gen: 'x', seq: 1, secret: 'dummy-secret' }],
    expect: 'unknown_event',
  })),
];
