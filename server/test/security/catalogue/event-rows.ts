/** Events that get one answer and change nothing; of a client that has one symbol. */
import type { CodeName } from '../../../protocol/index.ts';
import type { Row } from '../row.ts';

/** The event and its payloads, and the name of the refusal. */
export type EventRow = Row<readonly [event: string, ...payload: unknown[]], CodeName>;

const tooMany = Array.from({ length: 10_001 }, () => 'AAPL');

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
    'tick:BTC-USD',
  ].map((event): EventRow => ({
    name: `${event}, which only a server sends`,
    send: [event, { symbol: 'BTC-USD', price: '1', gen: 'x', seq: 1 }],
    expect: 'unknown_event',
  })),
];
