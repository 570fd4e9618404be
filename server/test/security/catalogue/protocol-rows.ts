/** Protocols that are not spoken here. */
import { ask, badRequest, problem, type HttpRow } from './http-row.ts';

const notFound = { status: 404, body: problem };

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
