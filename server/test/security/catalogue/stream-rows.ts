/** Addresses and messages of a plain WebSocket that are rejected. `stream-request.test.ts` has every bad value. */
import type { CodeName } from '../../../protocol/index.ts';
import { usersInAddress } from './user-ids.ts';

const stream = '/stream?symbols=AAPL&';

/** The answer before the upgrade: a refusal, or a status that Nginx answers by itself. */
export const streamAddressRows: readonly (readonly [name: string, path: string, CodeName | number])[] = [
  ['another path', '/streams/AAPL', 'not_found'],
  ['a path below a symbol', '/stream/AAPL/x/y', 'bad_symbol'],
  ['nothing between commas', '/stream?symbols=AAPL,,MSFT', 'bad_symbol'],
  ['a symbol with a glob', '/stream/A*', 'bad_symbol'],
  ['a symbol of markup', '/stream/%3Cb%3E', 'bad_symbol'],
  ['a symbol with a line break', '/stream/A%0d%0aX-Injected:%20yes', 'bad_symbol'],
  ['a symbol that is no UTF-8', '/stream/%E0%A4%A0%FF', 'bad_symbol'],
  ['a symbol of 6,000 letters', `/stream/${'A'.repeat(6_000)}`, 'bad_symbol'],
  ['a zero byte', '/stream/A%00', 400],
  ['above the root', '/stream/..%2f..%2fetc', 400],
  ['an address of 40 KB', `/stream?symbols=${'AAPL,'.repeat(8_000)}`, 414],
  ['a symbol of an object', '/stream/constructor', 'unknown_symbol'],
  ['a symbol of a prototype', '/stream/__proto__', 'bad_symbol'],
  ['a good symbol and a bad one', '/stream?symbols=AAPL,NOBODY', 'unknown_symbol'],
  ...['7', '-1', '', '1e9', '5%27'].map(
    (everyMs) =>
      [`everyMs of ${everyMs || 'nothing'}`, `${stream}everyMs=${everyMs}`, 'rate_not_offered'] as const,
  ),
  ...['AAPL', 'AAPL:gen001:-1', 'AAPL:gen001:1.5', 'AAPL:gen001:9007199254740992', '__proto__:gen001:1'].map(
    (since) => [`since of ${since}`, `${stream}since=${since}`, 'bad_payload'] as const,
  ),
  ...usersInAddress.map(
    ([name, user]) => [`a user ${name}`, `${stream}user=${user}`, 'bad_user_id'] as const,
  ),
  ...['token', 'access_token', 'id_token', 'jwt'].map(
    (name) => [`a token in the address, as ${name}`, `${stream}${name}=dummy-token`, 401] as const,
  ),
];

/** Odd, and good: the symbols in the answer. */
export const oddStreamRows: readonly (readonly [name: string, path: string, symbols: readonly string[]])[] = [
  ['lower case', '/stream/aapl', ['AAPL']],
  ['an encoded letter', '/stream/%41APL', ['AAPL']],
  ['the same symbol 100 times', `/stream?symbols=${'AAPL,'.repeat(100)}AAPL`, ['AAPL']],
  ['two lists', '/stream?symbols=AAPL&symbols=MSFT', ['AAPL', 'MSFT']],
  ['an unknown generation', `${stream}since=AAPL:nobody:1`, ['AAPL']],
  ['a position beyond the head', `${stream}since=AAPL:nobody:999999999999999`, ['AAPL']],
  ['keys that nobody knows', `${stream}__proto__=x&constructor=y&room=z`, ['AAPL']],
];

/** Messages on a connection that has AAPL: the refusal of all of it, or of one symbol. */
export const streamMessageRows: readonly (readonly [
  name: string,
  message: string | Buffer,
  refusal: CodeName | readonly [symbol: string, refusal: CodeName],
])[] = [
  ['nothing', '', 'bad_payload'],
  ['blanks', '   ', 'bad_payload'],
  ['a comma', ',', 'bad_payload'],
  ['binary', Buffer.from('MSFT'), 'bad_payload'],
  ['binary zeros', Buffer.alloc(100), 'bad_payload'],
  ['10,001 symbols', 'A,'.repeat(10_000) + 'A', 'too_many_symbols'],
  ...['*', '{"symbols":["MSFT"]}', '<script>', '__proto__', 'MS\0FT'].map(
    (symbol) => [`the symbol ${JSON.stringify(symbol)}`, symbol, [symbol, 'bad_symbol']] as const,
  ),
  ['a prototype', 'constructor', ['CONSTRUCTOR', 'unknown_symbol']],
  ['what is not listed', 'NOBODY', ['NOBODY', 'unknown_symbol']],
];
