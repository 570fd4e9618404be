/** Protocols that are not spoken here, and calls of the API by strangers. */
import { ask, badRequest, problem, type HttpRow } from './http-row.ts';

const notFound = { status: 404, body: problem };
const key = 'dummy-key-1';

const webSocket = [
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

export const protocolRows: readonly HttpRow[] = [
  ...['h2c', 'h2c, websocket', 'websocket2', 'TLS/1.0', 'websocket\tx'].map((upgrade) => ({
    name: `an upgrade to ${JSON.stringify(upgrade)}`,
    send: ask('/socket.io/?EIO=4&transport=websocket', { lines: [...webSocket, `Upgrade: ${upgrade}`] }),
    expect: { status: 400 },
  })),
  {
    name: 'an upgrade of the page to h2c',
    send: ask('/', {
      lines: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    }),
    expect: { status: 200 },
  },
  {
    name: 'an upgrade of the API',
    send: ask('/api/ticks', { lines: [...webSocket, 'Upgrade: websocket'] }),
    expect: { status: 200, body: /^\{"quotes"/ },
  },
  {
    name: 'an upgrade of the figures',
    send: ask('/metrics', { lines: [...webSocket, 'Upgrade: websocket'] }),
    expect: notFound,
  },
  {
    name: 'a WebSocket without a key',
    send: ask('/socket.io/?EIO=4&transport=websocket', {
      lines: ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
    }),
    expect: { status: 400 },
  },
  {
    name: 'a WebSocket of version 12',
    send: ask('/socket.io/?EIO=4&transport=websocket', {
      lines: [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 12',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ],
    }),
    expect: { status: 400 },
  },
  {
    name: 'a WebSocket of another origin',
    send: ask('/socket.io/?EIO=4&transport=websocket', {
      lines: [...webSocket, 'Upgrade: websocket', 'Origin: https://evil.example'],
    }),
    expect: { status: 403, body: /"origin_not_allowed"/ },
  },
  {
    name: 'a WebSocket at what is no address',
    send: ask('//[?%', { lines: [...webSocket, 'Upgrade: websocket'] }),
    expect: { status: 404 },
  },
  {
    name: 'a handshake that passes for a session at Nginx',
    send: ask('/socket.io/?EIO=4&transport=polling&SID=a'),
    expect: { status: 400, body: /"bad_payload"/ },
  },
  {
    name: 'a WebSocket with an unknown session',
    send: ask('/socket.io/?EIO=4&transport=websocket&sid=nobody', {
      lines: [...webSocket, 'Upgrade: websocket'],
    }),
    expect: { status: 400, body: /Session ID unknown/ },
  },
  { name: 'HTTP/2 from the start', send: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', expect: badRequest },
  { name: 'HTTP/9.9', send: ask('/', { version: '9.9' }), expect: { status: 505, closes: true } },
  {
    name: 'a hello of TLS',
    send: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
    expect: badRequest,
  },
  { name: 'a hello of SSH', send: 'SSH-2.0-OpenSSH_9.2\r\n', expect: badRequest },
  { name: 'a command of Redis', send: '*1\r\n$8\r\nFLUSHALL\r\n', expect: badRequest },
];

/** A push with these lines besides. */
const push = (lines: readonly string[], body = '[]', target = '/api/ticks'): string =>
  ask(target, { method: 'PUT', lines: ['Content-Type: application/json', ...lines], body });

export const apiRows: readonly HttpRow[] = [
  {
    name: 'a push with its key in the query',
    send: push([], '[]', `/api/ticks?key=${key}&X-API-Key=${key}`),
    expect: { status: 401, body: /"api_key_required"/ },
  },
  { name: 'a push with a wrong key', send: push(['X-API-Key: dummy-key-2']), expect: { status: 401 } },
  {
    name: 'a push with a key one character short',
    send: push([`X-API-Key: ${key.slice(0, -1)}`]),
    expect: { status: 401 },
  },
  {
    name: 'a push with a key of another case',
    send: push([`X-API-Key: ${key.toUpperCase()}`]),
    expect: { status: 401 },
  },
  {
    name: 'a push with two keys',
    send: push(['X-API-Key: dummy-key-2', `X-API-Key: ${key}`]),
    expect: { status: 401 },
  },
  {
    name: 'a push of text',
    send: ask('/api/ticks', {
      method: 'PUT',
      lines: ['Content-Type: text/plain', `X-API-Key: ${key}`],
      body: '[]',
    }),
    expect: { status: 415, body: /"unsupported_media_type"/ },
  },
  {
    name: 'a push of broken JSON',
    send: push([`X-API-Key: ${key}`], '[{"symbol":'),
    expect: { status: 400, body: /"bad_payload"/ },
  },
  {
    name: 'a push of 1e400',
    send: push([`X-API-Key: ${key}`], '[{"symbol":"DEMO","price":1e400}]'),
    expect: { status: 400 },
  },
];
