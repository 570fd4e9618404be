/** What a plain WebSocket may ask for in its address or send, and is not taken. */
import type { CodeName } from '../../../protocol/index.ts';
import type { Row } from '../row.ts';

const stream = '/stream?symbols=AAPL&';

/** A path, and the refusal before the upgrade; a status alone is an answer of Nginx. */
export const streamAddressRows: readonly Row<string, CodeName | number>[] = [
  { name: 'another path', send: '/streams/AAPL', expect: 'not_found' },
  { name: 'a path below a symbol', send: '/stream/AAPL/x/y', expect: 'bad_symbol' },
  { name: 'a symbol of nothing', send: '/stream?symbols=', expect: 'bad_symbol' },
  { name: 'nothing between commas', send: '/stream?symbols=AAPL,,MSFT', expect: 'bad_symbol' },
  { name: 'a symbol with a glob', send: '/stream/A*', expect: 'bad_symbol' },
  { name: 'a symbol with blanks', send: '/stream/A%20B', expect: 'bad_symbol' },
  { name: 'a symbol of markup', send: '/stream/%3Cb%3E', expect: 'bad_symbol' },
  { name: 'a symbol with a line break', send: '/stream/A%0d%0aX-Injected:%20yes', expect: 'bad_symbol' },
  { name: 'a symbol that is no UTF-8', send: '/stream/%E0%A4%A0%FF', expect: 'bad_symbol' },
  { name: 'a symbol with a percent sign', send: '/stream/%25', expect: 'bad_symbol' },
  { name: 'a zero byte', send: '/stream/A%00', expect: 400 },
  { name: 'above the root', send: '/stream/..%2f..%2fetc', expect: 400 },
  { name: 'a symbol of 6,000 letters', send: `/stream/${'A'.repeat(6_000)}`, expect: 'bad_symbol' },
  { name: 'an address of 40 KB', send: `/stream?symbols=${'AAPL,'.repeat(8_000)}`, expect: 414 },
  { name: 'a symbol that is not listed', send: '/stream/NOBODY', expect: 'unknown_symbol' },
  { name: 'a symbol of a prototype', send: '/stream/constructor', expect: 'unknown_symbol' },
  { name: 'another prototype', send: '/stream/__proto__', expect: 'bad_symbol' },
  { name: 'a good symbol and a bad one', send: '/stream?symbols=AAPL,NOBODY', expect: 'unknown_symbol' },
  ...['7', '-1', '1e3', '0x0', '250.0', '+250', '5%27', 'NaN', '', '1e9', '99999999999999999999'].map(
    (everyMs) => ({
      name: `everyMs of ${everyMs || 'nothing'}`,
      send: `${stream}everyMs=${everyMs}`,
      expect: 'rate_not_offered' as const,
    }),
  ),
  ...[
    ['without a position', 'AAPL'],
    ['without a number', 'AAPL:gen001'],
    ['of -1', 'AAPL:gen001:-1'],
    ['of 1.5', 'AAPL:gen001:1.5'],
    ['of 2^53', 'AAPL:gen001:9007199254740992'],
    ['of a text', 'AAPL:gen001:five'],
    ['of four parts', 'AAPL:gen001:1:1'],
    ['without a generation', 'AAPL::1'],
    ['of no symbol', ':gen001:1'],
    ['of a glob', 'A*:gen001:1'],
    ['of a prototype', '__proto__:gen001:1'],
    ['of nothing between commas', 'AAPL:gen001:1,,'],
  ].map(([name, since]) => ({
    name: `since ${name}`,
    send: `${stream}since=${since}`,
    expect: 'bad_payload' as const,
  })),
  ...[
    ['with a blank', 'ann%20b'],
    ['with a glob', 'ann*'],
    ['with a slash', '../ann'],
    ['of markup', '%3Cb%3E'],
    ['with a line break', 'ann%0d%0a'],
    ['of 129 letters', 'a'.repeat(129)],
    ['of another script', '%D8%A7%D9%86'],
  ].map(([name, user]) => ({
    name: `a user ${name}`,
    send: `${stream}user=${user}`,
    expect: 'bad_user_id' as const,
  })),
  ...['token', 'access_token', 'id_token', 'jwt'].map((name) => ({
    name: `a token in the address, as ${name}`,
    send: `${stream}${name}=dummy-token`,
    expect: 401,
  })),
];

/** Odd, and good: the symbols that are answered. */
export const oddStreamRows: readonly Row<string, readonly string[]>[] = [
  { name: 'lower case', send: '/stream/aapl', expect: ['AAPL'] },
  { name: 'an encoded letter', send: '/stream/%41APL', expect: ['AAPL'] },
  { name: 'the same symbol 100 times', send: `/stream?symbols=${'AAPL,'.repeat(100)}AAPL`, expect: ['AAPL'] },
  { name: 'two lists', send: '/stream?symbols=AAPL&symbols=MSFT', expect: ['AAPL', 'MSFT'] },
  { name: 'an unknown generation', send: `${stream}since=AAPL:nobody:1`, expect: ['AAPL'] },
  {
    name: 'a position beyond the head',
    send: `${stream}since=AAPL:nobody:999999999999999`,
    expect: ['AAPL'],
  },
  { name: 'keys that nobody knows', send: `${stream}__proto__=x&constructor=y&room=z`, expect: ['AAPL'] },
];

/** Messages on a connection that has AAPL: the one refusal of it, or what is wrong with each of its symbols. */
export const streamMessageRows: readonly Row<
  string | Buffer,
  CodeName | Readonly<Record<string, CodeName>>
>[] = [
  { name: 'nothing', send: '', expect: 'bad_payload' },
  { name: 'blanks', send: '   ', expect: 'bad_payload' },
  { name: 'a comma', send: ',', expect: 'bad_payload' },
  { name: 'binary', send: Buffer.from('MSFT'), expect: 'bad_payload' },
  { name: 'binary zeros', send: Buffer.alloc(100), expect: 'bad_payload' },
  { name: '10,001 symbols', send: 'A,'.repeat(10_000) + 'A', expect: 'too_many_symbols' },
  { name: 'a glob', send: '*', expect: { '*': 'bad_symbol' } },
  { name: 'JSON', send: '{"symbols":["MSFT"]}', expect: { '{"symbols":["MSFT"]}': 'bad_symbol' } },
  { name: 'markup', send: '<script>', expect: { '<script>': 'bad_symbol' } },
  { name: 'a prototype', send: '__proto__', expect: { ['__proto__']: 'bad_symbol' } },
  { name: 'another prototype', send: 'constructor', expect: { CONSTRUCTOR: 'unknown_symbol' } },
  { name: 'what is not listed', send: 'NOBODY', expect: { NOBODY: 'unknown_symbol' } },
  { name: 'a zero byte', send: 'MS\0FT', expect: { 'MS\0FT': 'bad_symbol' } },
];
