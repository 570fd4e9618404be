/** Methods, addresses and ids that nobody should ask with. */
import { ask, badRequest, handshake, host, problem, refused, type HttpRow } from './http-row.ts';

const notFound = { status: 404, body: problem };

export const methodRows: readonly HttpRow[] = [
  {
    name: 'TRACE',
    send: ask('/', { method: 'TRACE', lines: ['X-API-Key: dummy'] }),
    expect: { status: 405, closes: true, body: problem },
  },
  {
    name: 'CONNECT',
    send: 'CONNECT 127.0.0.1:6379 HTTP/1.1\r\nHost: 127.0.0.1:6379\r\n\r\n',
    expect: badRequest,
  },
  {
    name: 'DELETE of ticks',
    send: ask('/api/ticks', { method: 'DELETE' }),
    expect: { status: 405, body: /"method_not_allowed"/, headers: { allow: /^GET, HEAD, PUT$/ } },
  },
  {
    name: 'POST of the page',
    send: ask('/', { method: 'POST', body: 'x' }),
    expect: { status: 405, body: /"method_not_allowed"/ },
  },
  {
    name: 'a method that nobody knows',
    send: ask('/api/ticks', { method: 'PATCHWORK' }),
    expect: refused('bad_payload'),
  },
  { name: 'a method in lower case', send: ask('/', { method: 'get' }), expect: badRequest },
  {
    name: 'a method of 10,000 letters',
    send: ask('/', { method: 'A'.repeat(10_000) }),
    expect: { status: 414, closes: true },
  },
  {
    name: 'DELETE of a session',
    send: ask(handshake, { method: 'DELETE' }),
    expect: { status: 400, body: /Bad handshake method/ },
  },
  {
    name: 'POST of a handshake',
    send: ask(handshake, { method: 'POST', body: '40' }),
    expect: { status: 400, body: /Bad handshake method/ },
  },
];

export const pathRows: readonly HttpRow[] = [
  { name: 'above the root', send: ask('/../etc/passwd'), expect: badRequest },
  { name: 'above the root, encoded', send: ask('/%2e%2e/%2e%2e/etc/passwd'), expect: badRequest },
  { name: 'above the root from within', send: ask('/assets/../../etc/passwd'), expect: badRequest },
  {
    name: 'above the page by an encoded slash',
    send: ask('/assets/..%2f..%2f..%2fpackage.json'),
    expect: badRequest,
  },
  { name: 'above the page by backslashes', send: ask('/assets/..\\..\\..\\package.json'), expect: notFound },
  {
    name: 'above the page by encoded backslashes',
    send: ask('/..%5c..%5cserver%5csrc%5cmain.js'),
    expect: notFound,
  },
  {
    name: 'above the page, encoded twice',
    send: ask('/%252e%252e/%252e%252e/package.json'),
    expect: notFound,
  },
  {
    name: 'above the page in UTF-8 that is too long',
    send: ask('/%c0%ae%c0%ae/package.json'),
    expect: notFound,
  },
  { name: 'a hidden file', send: ask('/.env'), expect: notFound },
  { name: 'the folder of a repository', send: ask('/.git/config'), expect: notFound },
  { name: 'a folder', send: ask('/assets/'), expect: notFound },
  { name: 'a zero byte, encoded', send: ask('/index.html%00.css'), expect: badRequest },
  { name: 'a zero byte', send: ask('/index\0.html'), expect: badRequest },
  { name: 'a percent sign without digits', send: ask('/%zz'), expect: badRequest },
  { name: 'a percent sign at the end', send: ask('/a%'), expect: badRequest },
  { name: 'bytes that are no UTF-8', send: ask('/%ff%fe'), expect: notFound },
  { name: 'a blank in the path', send: ask('/a b'), expect: badRequest },
  { name: 'a line break in the path, encoded', send: ask('/x%0d%0aX-Injected:%20yes'), expect: notFound },
  {
    name: 'a line break in the query, encoded',
    send: ask('/api/ticks?symbols=A%0d%0aX-Injected:%20yes'),
    expect: { status: 400, body: /"bad_symbol"/ },
  },
  { name: 'markup in the path', send: ask('/%3Cscript%3Ealert(1)%3C/script%3E'), expect: notFound },
  { name: 'no path', send: `GET  HTTP/1.1\r\n${host}\r\n`, expect: badRequest },
  { name: 'a path without a slash', send: ask('metrics'), expect: badRequest },
  { name: 'an asterisk', send: ask('*', { method: 'OPTIONS' }), expect: badRequest },
  { name: 'figures for operators', send: ask('/metrics'), expect: notFound },
  { name: 'the same in capitals', send: ask('/METRICS/'), expect: notFound },
  { name: 'the same, encoded', send: ask('/%6Detrics'), expect: notFound },
  { name: 'the same behind two slashes', send: ask('//metrics'), expect: notFound },
  { name: 'the same behind dots', send: ask('/api/./../metrics'), expect: notFound },
  { name: 'the same behind a fragment', send: ask('/#/../metrics'), expect: { status: 200 } },
  { name: 'the same at another host', send: ask('http://r1.internal/metrics'), expect: notFound },
  { name: 'the same with a file behind it', send: ask('/metrics/x.css'), expect: notFound },
  { name: 'the API, encoded', send: ask('/%61pi/ticks'), expect: notFound },
  { name: 'the API behind two slashes', send: ask('//api//ticks'), expect: notFound },
  {
    name: 'replicas, without a key',
    send: ask('/api/nodes'),
    expect: { status: 401, body: /"api_key_required"/ },
  },
  {
    name: 'a drain, without a key',
    send: ask('/api/nodes/r1/drain', { method: 'POST' }),
    expect: { status: 401, body: /"api_key_required"/ },
  },
  { name: 'the API below itself', send: ask('/api/ticks/../nodes'), expect: { status: 404 } },
  { name: 'below /socket.io/', send: ask('/socket.io/admin/?EIO=4&transport=polling'), expect: notFound },
  {
    name: 'below /socket.io/ and back',
    send: ask('/socket.io/admin/..?EIO=4&transport=polling'),
    expect: { status: 403 },
  },
  {
    name: '/socket.io/ behind two slashes',
    send: ask('//socket.io//?EIO=4&transport=polling'),
    expect: { status: 404 },
  },
  { name: 'a library file of a prototype', send: ask('/socket.io/constructor.js'), expect: notFound },
  {
    name: 'a file beside the client script',
    send: ask('/socket.io/socket.io.js/../../package.json'),
    expect: { status: 400, body: /Transport unknown/ },
  },
  {
    name: 'an address of 40 KB',
    send: ask(`/${'a'.repeat(40_000)}`),
    expect: { status: 414, closes: true, body: problem },
  },
  { name: 'an address of 7 KB', send: ask(`/${'a'.repeat(7_000)}`), expect: notFound },
  {
    name: 'a query of 40 KB',
    send: ask(`${handshake}&x=${'a'.repeat(40_000)}`),
    expect: { status: 414, closes: true },
  },
];

export const cidRows: readonly HttpRow[] = (
  [
    ['empty', ''],
    ['of 7,000 letters', 'a'.repeat(7_000)],
    ['of a prototype', '__proto__'],
    ['with a zero byte', 'a%00b'],
    ['with a line break', 'a%0d%0aX-Injected:%20yes'],
    ['that is no UTF-8', '%ff%fe'],
    ['with a percent sign alone', '%'],
    ['with separators of the map', '|polling|'],
    ['twice', 'a&cid=b'],
    ['as a list', 'a&cid[]=b'],
  ] as const
).map(([name, cid]) => ({
  name: `a cid ${name}`,
  send: ask(`${handshake}&cid=${cid}`),
  expect: { status: 200, body: /^0\{"sid":"[\w-]{20}"/ },
}));
