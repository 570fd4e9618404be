/** Events that get one refusal and change nothing, from a user who has one symbol. The wire tests send each of them too. */
import { limits, type CodeName } from '../../../protocol/index.ts';

/** The refusal is `bad_payload` if the row names none. */
export type EventRow = readonly [
  name: string,
  event: string,
  payload: readonly unknown[],
  refusal?: CodeName,
];

const many = (text: string, count = 10_001): string[] => Array.from({ length: count }, () => text);
const since = (position: unknown): unknown[] => [{ symbols: ['AAPL'], since: { AAPL: position } }];
/** A message that is good but for this. */
const message = (wrong: object): unknown[] => [{ recipient: 'ann', content: 'dummy-content', ...wrong }];

const topics: readonly (readonly [string, readonly unknown[], CodeName?])[] = [
  ['null', [null]],
  ['a text', ['cluster']],
  ['a number', [7]],
  ['an object', [{ topics: ['cluster'] }]],
  ['an empty list', [[]]],
  ['a list of numbers', [[7]]],
  ['a list in a list', [[['cluster']]]],
  ['two lists', [['cluster'], ['cluster']]],
  ['17 topics', [many('cluster', 17)]],
  ['10,001 topics', [many('cluster')]],
  ['a topic that is not there', [['everything']], 'unknown_topic'],
  ['a good topic and another', [['cluster', 'everything']], 'unknown_topic'],
  ['a topic with a glob', [['*']], 'unknown_topic'],
  ['a topic of a prototype', [['__proto__']], 'unknown_topic'],
  ['a room for a topic', [['tick:AAPL']], 'unknown_topic'],
  ['a topic of 10 KB', [['c'.repeat(10_000)]], 'unknown_topic'],
];
const ofServer = [
  'hello',
  'tick',
  'snapshot',
  'feed',
  'heartbeat',
  'shutdown',
  'refused',
  'message',
  'quote',
];

export const messageEventRows: readonly EventRow[] = [
  ['no payload', 'send_message', []],
  ['null', 'send_message', [null]],
  ['a text', 'send_message', ['dummy-content']],
  ['a list', 'send_message', [['ann', 'dummy-content']]],
  ['recipient and content apart', 'send_message', ['ann', 'dummy-content']],
  ['two payloads', 'send_message', [...message({}), 1]],
  ['no recipient', 'send_message', message({ recipient: undefined })],
  ['no content', 'send_message', message({ content: undefined })],
  ['a key too many', 'send_message', message({ event: 'tick' })],
  ['a key of a prototype', 'send_message', message({ ['__proto__']: {} })],
  ['a list of recipients', 'send_message', message({ recipient: ['ann', 'bob'] })],
  ['a recipient that is a number', 'send_message', message({ recipient: 7 })],
  ['a recipient that is an object', 'send_message', message({ recipient: { $ne: null } })],
  ['an empty recipient', 'send_message', message({ recipient: '' })],
  ['a recipient with a glob', 'send_message', message({ recipient: 'user:*' })],
  ['a recipient with a blank', 'send_message', message({ recipient: 'ann b' })],
  ['a recipient of markup', 'send_message', message({ recipient: '<b>' })],
  ['a recipient of 129 letters', 'send_message', message({ recipient: 'a'.repeat(129) })],
  ['a room for a recipient', 'send_message', message({ recipient: 'tick:AAPL/' })],
  ['an empty content', 'send_message', message({ content: '' })],
  ['a content that is a number', 'send_message', message({ content: 7 })],
  ['a content that is an object', 'send_message', message({ content: { text: 'dummy-content' } })],
  ['a binary content', 'send_message', message({ content: Buffer.from('dummy-content') })],
  [
    'a content of one letter too many',
    'send_message',
    message({ content: 'x'.repeat(limits.maxContentLength + 1) }),
    'payload_too_large',
  ],
];

export const topicRows: readonly EventRow[] = [
  ...topics.map(([name, payload, refusal = 'bad_payload']): EventRow => [name, 'watch', payload, refusal]),
  ...topics.map(([name, payload, refusal = 'bad_payload']): EventRow => [name, 'unwatch', payload, refusal]),
  ['nothing', 'watch', []],
];

export const eventRows: readonly EventRow[] = [
  ['no payload', 'subscribe', []],
  ['null', 'subscribe', [null]],
  ['a number', 'subscribe', [7]],
  ['a text', 'subscribe', ['A']],
  ['an empty object', 'subscribe', [{}]],
  ['symbols as a text', 'subscribe', [{ symbols: 'A' }]],
  ['symbols that are no list', 'subscribe', [{ symbols: { 0: 'A' } }]],
  ['symbols and numbers', 'subscribe', [['A', 7]]],
  ['a list in a list', 'subscribe', [[['AAPL']]]],
  ['two lists', 'subscribe', [['A'], ['B']]],
  ['binary', 'subscribe', [Buffer.from('AAPL')]],
  ['everyMs as text', 'subscribe', [{ symbols: ['AAPL'], everyMs: '5' }]],
  ['everyMs of -1', 'subscribe', [{ symbols: ['AAPL'], everyMs: -1 }]],
  ['since as a number', 'subscribe', [{ symbols: ['A'], since: -1 }]],
  ['since as a list', 'subscribe', [{ symbols: ['AAPL'], since: ['AAPL', 1] }]],
  ['a position of -1', 'subscribe', since(['gen001', -1])],
  ['a position of 1.5', 'subscribe', since(['gen001', 1.5])],
  ['a position as text', 'subscribe', since(['gen001', '5'])],
  ['a position of 2^53', 'subscribe', since(['gen001', 2 ** 53])],
  ['a position of three', 'subscribe', since(['gen001', 5, 5])],
  ['a generation that is a number', 'subscribe', since([1, 5])],
  ['a key too many', 'subscribe', [{ symbols: ['AAPL'], room: 'x' }]],
  ['1,000 payloads', 'subscribe', many('AAPL', 1_000)],
  ['10,001 symbols', 'subscribe', [many('AAPL')], 'too_many_symbols'],
  ['a rate that is none', 'subscribe', [{ symbols: ['AAPL'], everyMs: 1e9 }], 'rate_not_offered'],
  ['a number', 'unsubscribe', [7]],
  ['an object', 'unsubscribe', [{ symbols: ['AAPL'] }]],
  ['two lists', 'unsubscribe', [['AAPL'], ['AAPL']]],
  ['10,001 symbols', 'unsubscribe', [many('AAPL')], 'too_many_symbols'],
  ...messageEventRows,
  ...topicRows,
  ...[...ofServer, 'cluster', 'tick:BTC-USD'].map((event): EventRow => [
    'that only a server sends',
    event,
    [{ symbol: 'BTC-USD', price: '1', gen: 'x', seq: 1, secret: 'dummy-secret' }],
    'unknown_event',
  ]),
];
