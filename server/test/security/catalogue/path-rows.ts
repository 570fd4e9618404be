/** Methods, addresses and ids that nobody should ask with, and protocols that are not spoken here. */
import { ask, badRequest, handshake, host, notFound, problem, type HttpRow } from './http-row.ts';

const badMethod = { status: 400, body: /Bad handshake method/ };
const webSocketAddress = '/socket.io/?EIO=4&transport=websocket';
const toWebSocket = ['Connection: Upgrade', 'Upgrade: websocket'];
const version = 'Sec-WebSocket-Version: 13';
const webSocketKey = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
/** Asks for a WebSocket at the target. */
const upgrade = (target: string, ...more: string[]): string =>
  ask(target, { lines: [...toWebSocket, version, webSocketKey, ...more] });

export const methodRows: readonly HttpRow[] = [
  [
    'TRACE',
    ask('/', { method: 'TRACE', lines: ['X-API-Key: dummy'] }),
    { status: 405, closes: true, body: problem },
  ],
  ['CONNECT', 'CONNECT 127.0.0.1:6379 HTTP/1.1\r\nHost: 127.0.0.1:6379\r\n\r\n', badRequest],
  [
    'DELETE of ticks',
    ask('/api/ticks', { method: 'DELETE' }),
    { status: 405, body: /"method_not_allowed"/, headers: { allow: /^GET, HEAD, PUT$/ } },
  ],
  ['POST of the page', ask('/', { method: 'POST', body: 'x' }), 'method_not_allowed'],
  ['a method that nobody knows', ask('/api/ticks', { method: 'PATCHWORK' }), 'bad_payload'],
  ['a method in lower case', ask('/', { method: 'get' }), badRequest],
  ['a method of 10,000 letters', ask('/', { method: 'A'.repeat(10_000) }), { status: 414, closes: true }],
  ['DELETE of a session', ask(handshake, { method: 'DELETE' }), badMethod],
  ['POST of a handshake', ask(handshake, { method: 'POST', body: '40' }), badMethod],
];

export const pathRows: readonly HttpRow[] = [
  ['above the root', ask('/../etc/passwd'), badRequest],
  ['above the root, encoded', ask('/%2e%2e/%2e%2e/etc/passwd'), badRequest],
  ['above the root from within', ask('/assets/../../etc/passwd'), badRequest],
  ['above the page by an encoded slash', ask('/assets/..%2f..%2f..%2fpackage.json'), badRequest],
  ['above the page by backslashes', ask('/assets/..\\..\\..\\package.json'), notFound],
  ['above the page by encoded backslashes', ask('/..%5c..%5cserver%5csrc%5cmain.js'), notFound],
  ['above the page, encoded twice', ask('/%252e%252e/%252e%252e/package.json'), notFound],
  ['above the page in UTF-8 that is too long', ask('/%c0%ae%c0%ae/package.json'), notFound],
  ['a hidden file', ask('/.env'), notFound],
  ['the folder of a repository', ask('/.git/config'), notFound],
  ['a folder', ask('/assets/'), notFound],
  ['a zero byte, encoded', ask('/index.html%00.css'), badRequest],
  ['a zero byte', ask('/index\0.html'), badRequest],
  ['a percent sign without digits', ask('/%zz'), badRequest],
  ['a percent sign at the end', ask('/a%'), badRequest],
  ['bytes that are no UTF-8', ask('/%ff%fe'), notFound],
  ['a blank in the path', ask('/a b'), badRequest],
  ['a line break in the path, encoded', ask('/x%0d%0aX-Injected:%20yes'), notFound],
  ['a line break in the query, encoded', ask('/api/ticks?symbols=A%0d%0aX-Injected:%20yes'), 'bad_symbol'],
  ['markup in the path', ask('/%3Cscript%3Ealert(1)%3C/script%3E'), notFound],
  ['no path', `GET  HTTP/1.1\r\n${host}\r\n`, badRequest],
  ['a path without a slash', ask('metrics'), badRequest],
  ['an asterisk', ask('*', { method: 'OPTIONS' }), badRequest],
  ['figures for operators', ask('/metrics'), notFound],
  ['the same in capitals', ask('/METRICS/'), notFound],
  ['the same, encoded', ask('/%6Detrics'), notFound],
  ['the same behind two slashes', ask('//metrics'), notFound],
  ['the same behind dots', ask('/api/./../metrics'), notFound],
  ['the same behind a fragment', ask('/#/../metrics'), 200],
  ['the same at another host', ask('http://r1.internal/metrics'), notFound],
  ['the same with a file behind it', ask('/metrics/x.css'), notFound],
  ['the API, encoded', ask('/%61pi/ticks'), notFound],
  ['the API behind two slashes', ask('//api//ticks'), notFound],
  ['replicas, without a key', ask('/api/nodes'), 'api_key_required'],
  ['a drain, without a key', ask('/api/nodes/r1/drain', { method: 'POST' }), 'api_key_required'],
  ['the API below itself', ask('/api/ticks/../nodes'), 404],
  ['below /socket.io/', ask('/socket.io/admin/?EIO=4&transport=polling'), notFound],
  ['below /socket.io/ and back', ask('/socket.io/admin/..?EIO=4&transport=polling'), 403],
  ['/socket.io/ behind two slashes', ask('//socket.io//?EIO=4&transport=polling'), 404],
  ['a library file of a prototype', ask('/socket.io/constructor.js'), notFound],
  [
    'a file beside the client script',
    ask('/socket.io/socket.io.js/../../package.json'),
    { status: 400, body: /Transport unknown/ },
  ],
  ['an address of 40 KB', ask(`/${'a'.repeat(40_000)}`), { status: 414, closes: true, body: problem }],
  ['an address of 7 KB', ask(`/${'a'.repeat(7_000)}`), notFound],
  ['a query of 40 KB', ask(`${handshake}&x=${'a'.repeat(40_000)}`), { status: 414, closes: true }],
];

export const cidRows: readonly HttpRow[] = [
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
].map(([name, cid]): HttpRow => [
  `a cid ${name}`,
  ask(`${handshake}&cid=${cid}`),
  { status: 200, body: /^0\{"sid":"[\w-]{20}"/ },
]);

export const protocolRows: readonly HttpRow[] = [
  ...['h2c', 'h2c, websocket', 'websocket2', 'TLS/1.0', 'websocket\tx'].map((protocol): HttpRow => [
    `an upgrade to ${JSON.stringify(protocol)}`,
    ask(webSocketAddress, { lines: ['Connection: Upgrade', `Upgrade: ${protocol}`, version, webSocketKey] }),
    400,
  ]),
  [
    'an upgrade of the page to h2c',
    ask('/', {
      lines: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    }),
    200,
  ],
  ['an upgrade of the API', upgrade('/api/ticks'), { status: 200, body: /^\{"quotes"/ }],
  ['an upgrade of the figures', upgrade('/metrics'), notFound],
  ['a WebSocket without a key', ask(webSocketAddress, { lines: [...toWebSocket, version] }), 400],
  [
    'a WebSocket of version 12',
    ask(webSocketAddress, { lines: [...toWebSocket, 'Sec-WebSocket-Version: 12', webSocketKey] }),
    400,
  ],
  [
    'a WebSocket of another origin',
    upgrade(webSocketAddress, 'Origin: https://evil.example'),
    { status: 403, body: /"origin_not_allowed"/ },
  ],
  ['a WebSocket at what is no address', upgrade('//[?%'), 404],
  [
    'a handshake that passes for a session at Nginx',
    ask(`${handshake}&SID=a`),
    { status: 400, body: /"bad_payload"/ },
  ],
  [
    'a WebSocket with an unknown session',
    upgrade(`${webSocketAddress}&sid=nobody`),
    { status: 400, body: /Session ID unknown/ },
  ],
  ['HTTP/2 from the start', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', badRequest],
  ['HTTP/9.9', ask('/', { version: '9.9' }), { status: 505, closes: true }],
  ['a hello of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', badRequest],
  ['a hello of SSH', 'SSH-2.0-OpenSSH_9.2\r\n', badRequest],
  ['a command of Redis', '*1\r\n$8\r\nFLUSHALL\r\n', badRequest],
];
