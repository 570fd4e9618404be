/** Headers, and forms that two programs may read in two ways. */
import { ask, badRequest, handshake, problem, type HttpRow } from './http-row.ts';

const page = (...lines: string[]): string => ask('/', { lines });
const health = (...lines: string[]): string => ask('/health', { lines });
const post = (...lines: string[]): string => ask('/health', { method: 'POST', lines });
const push = (...lines: string[]): string => ask('/api/ticks', { method: 'PUT', lines });
const chunks = 'Transfer-Encoding: chunked';
const evil = 'Origin: https://evil.example';
const tooLarge = { status: 431, closes: true, body: problem };
const notImplemented = { status: 501, closes: true };
const healthy = { status: 200, body: /"status"/ };

export const headerRows: readonly HttpRow[] = [
  ['a header of 40 KB', page(`X: ${'a'.repeat(40_000)}`), tooLarge],
  [
    'headers of 20 KB',
    page(...['a', 'b', 'c'].map((name) => `${name}: ${'x'.repeat(7_000)}`)),
    'headers_too_large',
  ],
  ['1,000 headers', page(...Array.from({ length: 1_000 }, (_, n) => `X-${n}: ${'a'.repeat(40)}`)), tooLarge],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', badRequest],
  ['two hosts', page('Host: evil.example'), badRequest],
  ['a host with a path', `GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n`, badRequest],
  ['a host with a zero byte', `GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n`, badRequest],
  ['a header without a name', page(': x'), badRequest],
  ['a header without a colon', page('nothing'), 200],
  ['a header that goes on in the next line', page('X: a', ' b'), badRequest],
  ['a header with a zero byte', page('X: a\0b'), badRequest],
  ['a header with a lone carriage return', page('X: a\rHost: evil.example'), badRequest],
  ['a blank before a colon', page('X : a'), badRequest],
  [
    'a page of another origin',
    ask(handshake, { lines: [evil] }),
    { status: 403, body: /"origin_not_allowed"/ },
  ],
  [
    'a page of another origin that says where it is',
    ask(handshake, { lines: [evil, 'X-Forwarded-Host: evil.example'] }),
    403,
  ],
  [
    'a preflight of another origin',
    ask('/api/ticks', {
      method: 'OPTIONS',
      lines: [evil, 'Access-Control-Request-Method: PUT'],
    }),
    204,
  ],
  ['an expectation that nobody meets', health('Expect: 200-dummy'), 200],
  ['a range of nothing', page('Range: bytes=9-1'), { status: 400, body: problem }],
  [
    'ranges without end',
    page(`Range: bytes=${'0-,'.repeat(499)}0-`),
    { status: 206, body: /^<!doctype html>[^]{0,2000}$/ },
  ],
];

export const formRows: readonly HttpRow[] = [
  ['a length and chunks', push(chunks, 'Content-Length: 3'), badRequest],
  ['chunks and a length', push('Content-Length: 3', chunks) + '0\r\n\r\n', badRequest],
  ['two lengths', health('Content-Length: 5', 'Content-Length: 6'), badRequest],
  ['the same length twice', health('Content-Length: 0', 'Content-Length: 0'), badRequest],
  ['a list of lengths', health('Content-Length: 0, 0'), badRequest],
  ['a negative length', health('Content-Length: -1'), badRequest],
  ['a length with a sign', health('Content-Length: +0'), badRequest],
  ['a length in hexadecimal', health('Content-Length: 0x0'), badRequest],
  ['a length of 2^64', push('Content-Length: 18446744073709551616'), badRequest],
  ['a length above the limit', push('Content-Length: 2000000'), { status: 413, closes: true, body: problem }],
  ['chunks that are named otherwise', post('Transfer-Encoding: xchunked'), notImplemented],
  ['chunks twice', post(chunks, chunks), badRequest],
  ['chunks and another encoding', post('Transfer-Encoding: chunked, identity'), notImplemented],
  ['a blank before the colon of chunks', post('Transfer-Encoding : chunked'), badRequest],
  ['chunks behind a vertical tab', post('Transfer-Encoding: \vchunked'), notImplemented],
  ['chunks under HTTP/1.0', ask('/health', { method: 'POST', version: '1.0', lines: [chunks] }), badRequest],
  ['a chunk of a negative size', push(chunks) + '-1\r\n', badRequest],
  ['a chunk of 2^64 bytes', push(chunks) + '10000000000000000\r\n', badRequest],
  ['a chunk with a size that is none', push(chunks) + '0x3\r\nabc\r\n', badRequest],
  ['a chunk that goes on', push(chunks) + '3\r\nabcd\r\n0\r\n\r\n', badRequest],
  ['a request in the body of a GET', ask('/health', { body: ask('/metrics') }), healthy],
  [
    'a request in the body of a handshake',
    ask(handshake, { body: ask('/metrics') }),
    { status: 200, body: /^0\{"sid"/ },
  ],
  ['a request behind chunks of a GET', health(chunks) + '0\r\n\r\n', healthy],
  ['a request behind a bare line feed', `GET /health HTTP/1.1\nHost: 127.0.0.1\nX: a\n\n`, healthy],
];
