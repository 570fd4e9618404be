/** Headers, and forms that two programs may read in two ways. */
import { ask, badRequest, handshake, problem, refused, type HttpRow } from './http-row.ts';

export const headerRows: readonly HttpRow[] = [
  {
    name: 'a header of 40 KB',
    send: ask('/', { lines: [`X: ${'a'.repeat(40_000)}`] }),
    expect: { status: 431, closes: true, body: problem },
  },
  {
    name: 'headers of 20 KB',
    send: ask('/', { lines: ['a', 'b', 'c'].map((name) => `${name}: ${'x'.repeat(7_000)}`) }),
    expect: refused('headers_too_large'),
  },
  {
    name: '1,000 headers',
    send: ask('/', { lines: Array.from({ length: 1_000 }, (_, n) => `X-${n}: ${'a'.repeat(40)}`) }),
    expect: { status: 431, closes: true },
  },
  { name: 'no host', send: 'GET / HTTP/1.1\r\n\r\n', expect: badRequest },
  { name: 'two hosts', send: ask('/', { lines: ['Host: evil.example'] }), expect: badRequest },
  { name: 'a host with a path', send: `GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n`, expect: badRequest },
  { name: 'a host with a zero byte', send: `GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n`, expect: badRequest },
  { name: 'a header without a name', send: ask('/', { lines: [': x'] }), expect: badRequest },
  { name: 'a header without a colon', send: ask('/', { lines: ['nothing'] }), expect: { status: 200 } },
  {
    name: 'a header that goes on in the next line',
    send: ask('/', { lines: ['X: a', ' b'] }),
    expect: badRequest,
  },
  { name: 'a header with a zero byte', send: ask('/', { lines: ['X: a\0b'] }), expect: badRequest },
  {
    name: 'a header with a lone carriage return',
    send: ask('/', { lines: ['X: a\rHost: evil.example'] }),
    expect: badRequest,
  },
  { name: 'a blank before a colon', send: ask('/', { lines: ['X : a'] }), expect: badRequest },
  {
    name: 'a page of another origin',
    send: ask(handshake, { lines: ['Origin: https://evil.example'] }),
    expect: { status: 403, body: /"origin_not_allowed"/ },
  },
  {
    name: 'a page of another origin that says where it is',
    send: ask(handshake, { lines: ['Origin: https://evil.example', 'X-Forwarded-Host: evil.example'] }),
    expect: { status: 403 },
  },
  {
    name: 'a preflight of another origin',
    send: ask('/api/ticks', {
      method: 'OPTIONS',
      lines: ['Origin: https://evil.example', 'Access-Control-Request-Method: PUT'],
    }),
    expect: { status: 204 },
  },
  {
    name: 'an expectation that nobody meets',
    send: ask('/health', { lines: ['Expect: 200-dummy'] }),
    expect: { status: 200 },
  },
  {
    name: 'a range of nothing',
    send: ask('/', { lines: ['Range: bytes=9-1'] }),
    expect: { status: 400, body: problem },
  },
  {
    name: 'ranges without end',
    send: ask('/', { lines: [`Range: bytes=${Array.from({ length: 500 }, () => '0-').join(',')}`] }),
    expect: { status: 206, body: /^<!doctype html>[^]{0,2000}$/ },
  },
];

export const formRows: readonly HttpRow[] = [
  {
    name: 'a length and chunks',
    send: ask('/api/ticks', { method: 'PUT', lines: ['Transfer-Encoding: chunked', 'Content-Length: 3'] }),
    expect: badRequest,
  },
  {
    name: 'chunks and a length',
    send:
      ask('/api/ticks', { method: 'PUT', lines: ['Content-Length: 3', 'Transfer-Encoding: chunked'] }) +
      '0\r\n\r\n',
    expect: badRequest,
  },
  {
    name: 'two lengths',
    send: ask('/health', { lines: ['Content-Length: 5', 'Content-Length: 6'] }),
    expect: badRequest,
  },
  {
    name: 'the same length twice',
    send: ask('/health', { lines: ['Content-Length: 0', 'Content-Length: 0'] }),
    expect: badRequest,
  },
  {
    name: 'a list of lengths',
    send: ask('/health', { lines: ['Content-Length: 0, 0'] }),
    expect: badRequest,
  },
  { name: 'a negative length', send: ask('/health', { lines: ['Content-Length: -1'] }), expect: badRequest },
  {
    name: 'a length with a sign',
    send: ask('/health', { lines: ['Content-Length: +0'] }),
    expect: badRequest,
  },
  {
    name: 'a length in hexadecimal',
    send: ask('/health', { lines: ['Content-Length: 0x0'] }),
    expect: badRequest,
  },
  {
    name: 'a length of 2^64',
    send: ask('/api/ticks', { method: 'PUT', lines: ['Content-Length: 18446744073709551616'] }),
    expect: badRequest,
  },
  {
    name: 'a length above the limit',
    send: ask('/api/ticks', { method: 'PUT', lines: ['Content-Length: 2000000'] }),
    expect: { status: 413, closes: true, body: problem },
  },
  {
    name: 'chunks that are named otherwise',
    send: ask('/health', { method: 'POST', lines: ['Transfer-Encoding: xchunked'] }),
    expect: { status: 501, closes: true },
  },
  {
    name: 'chunks twice',
    send: ask('/health', {
      method: 'POST',
      lines: ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    }),
    expect: badRequest,
  },
  {
    name: 'chunks and another encoding',
    send: ask('/health', { method: 'POST', lines: ['Transfer-Encoding: chunked, identity'] }),
    expect: { status: 501, closes: true },
  },
  {
    name: 'a blank before the colon of chunks',
    send: ask('/health', { method: 'POST', lines: ['Transfer-Encoding : chunked'] }),
    expect: badRequest,
  },
  {
    name: 'chunks behind a vertical tab',
    send: ask('/health', { method: 'POST', lines: ['Transfer-Encoding: \vchunked'] }),
    expect: { status: 501, closes: true },
  },
  {
    name: 'chunks under HTTP/1.0',
    send: ask('/health', { method: 'POST', version: '1.0', lines: ['Transfer-Encoding: chunked'] }),
    expect: badRequest,
  },
  {
    name: 'a chunk of a negative size',
    send: ask('/api/ticks', { method: 'PUT', lines: ['Transfer-Encoding: chunked'] }) + '-1\r\n',
    expect: badRequest,
  },
  {
    name: 'a chunk of 2^64 bytes',
    send:
      ask('/api/ticks', { method: 'PUT', lines: ['Transfer-Encoding: chunked'] }) + '10000000000000000\r\n',
    expect: badRequest,
  },
  {
    name: 'a chunk with a size that is none',
    send: ask('/api/ticks', { method: 'PUT', lines: ['Transfer-Encoding: chunked'] }) + '0x3\r\nabc\r\n',
    expect: badRequest,
  },
  {
    name: 'a chunk that goes on',
    send:
      ask('/api/ticks', { method: 'PUT', lines: ['Transfer-Encoding: chunked'] }) + '3\r\nabcd\r\n0\r\n\r\n',
    expect: badRequest,
  },
  {
    name: 'a request in the body of a GET',
    send: ask('/health', { body: ask('/metrics') }),
    expect: { status: 200, body: /"status"/ },
  },
  {
    name: 'a request in the body of a handshake',
    send: ask(handshake, { body: ask('/metrics') }),
    expect: { status: 200, body: /^0\{"sid"/ },
  },
  {
    name: 'a request behind chunks of a GET',
    send: ask('/health', { lines: ['Transfer-Encoding: chunked'] }) + '0\r\n\r\n',
    expect: { status: 200, body: /"status"/ },
  },
  {
    name: 'a request behind a bare line feed',
    send: `GET /health HTTP/1.1\nHost: 127.0.0.1\nX: a\n\n`,
    expect: { status: 200, body: /"status"/ },
  },
];
