/** What a replica is told about a client, and what a client is told when Nginx itself answers. */
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/processes/free-port.ts';
import { startNginx, type NginxServer } from '../support/processes/start-nginx.ts';
import { codes, type CodeName } from '../../protocol/index.ts';
import { serveApp } from '../support/stand-ins/serve-app.ts';
import { ask, askRaw, openSocket } from './ask.ts';
import { createScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';

const securityHeaders = [
  'content-security-policy',
  'cross-origin-resource-policy',
  'referrer-policy',
  'x-content-type-options',
  'x-frame-options',
  'strict-transport-security',
  'cross-origin-opener-policy',
  'origin-agent-cluster',
];

let replica: ScriptedUpstream;
let nginx: NginxServer;

beforeAll(async () => {
  replica = await createScriptedUpstream('r1');
  nginx = await startNginx({ replicas: [replica] });
});

beforeEach(() => {
  replica.seen.length = 0;
  replica.answer = null;
});

afterAll(async () => {
  await nginx?.stop();
  await replica?.close();
});

test('a spoofed X-Forwarded-For is overwritten by the true address, and other forwarding headers are dropped', async () => {
  await ask(nginx.port, '/health', {
    from: '127.0.0.9',
    headers: {
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.example',
      forwarded: 'for=6.6.6.6',
      'x-forwarded-proto': 'https',
    },
  });
  const headers = replica.seen[0]?.headers;
  expect(headers?.['x-forwarded-for']).toBe('127.0.0.9');
  expect(headers?.['x-forwarded-proto']).toBe('http');
  expect(headers?.['x-forwarded-host']).toBeUndefined();
  expect(headers?.['forwarded']).toBeUndefined();
});

test("a request's id arrives as the caller sent it where it is one, and is a new one otherwise", async () => {
  const ids = ['order-7_B', 'x'.repeat(64), 'x'.repeat(65), 'two words', '', '"}{"'];
  for (const id of ids) await ask(nginx.port, '/health', { headers: { 'x-request-id': id } });
  await ask(nginx.port, '/health');
  const arrived = replica.seen.map(({ headers }) => headers['x-request-id']);
  expect(arrived.slice(0, 2)).toEqual(ids.slice(0, 2));
  for (const id of arrived.slice(2)) expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(arrived).size).toBe(7);
  // A refusal of its own has the caller's id too.
  const refused = await ask(nginx.port, '/metrics', { headers: { 'x-request-id': 'order-7_B' } });
  expect(refused.headers['x-request-id']).toBe('order-7_B');
});

test('the Host header arrives as the client sent it, with its port', async () => {
  await ask(nginx.port, '/health', { headers: { host: 'prices.example:8443' } });
  expect(replica.seen[0]?.headers.host).toBe('prices.example:8443');
});

test('only websocket is passed on as an upgrade', async () => {
  for (const upgrade of ['h2c', 'h2c, websocket', 'websocket2']) {
    const { status, socket } = await openSocket(nginx.port, '/socket.io/?EIO=4&transport=websocket', {
      headers: { upgrade, connection: 'Upgrade, HTTP2-Settings', 'http2-settings': 'AAMAAABk' },
    });
    socket?.destroy();
    expect({ upgrade, status }).toEqual({ upgrade, status: 200 });
  }
  expect(replica.seen.map(({ headers }) => headers.upgrade)).toEqual([undefined, undefined, undefined]);
  const upper = await openSocket(nginx.port, '/stream/BTC-USD', { headers: { upgrade: 'WebSocket' } });
  upper.socket?.destroy();
  expect(upper.status).toBe(101);
});

test('a connection to a replica is kept for polling alone', async () => {
  await ask(nginx.port, '/socket.io/?EIO=4&transport=polling&cid=a');
  await ask(nginx.port, '/api/ticks');
  await ask(nginx.port, '/');
  expect(replica.seen.map(({ headers }) => headers.connection)).toEqual([undefined, 'close', 'close']);
});

test("a replica's caching headers and its own refusals pass through unchanged", async () => {
  replica.answer = (_, response) =>
    response
      .writeHead(503, {
        'cache-control': 'public, max-age=31536000, immutable',
        etag: '"x"',
        'content-type': 'application/problem+json',
        'retry-after': '7',
      })
      .end('{"code":4501}');
  const { status, headers, body } = await ask(nginx.port, '/api/ticks');
  expect({ status, body }).toEqual({ status: 503, body: '{"code":4501}' });
  expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect(headers.etag).toBe('"x"');
  expect(headers['retry-after']).toBe('7');
});

test('its own answers tell browsers to refuse what those of a replica do', async () => {
  const app = await serveApp();
  onTestFinished(() => app.close());
  const told = (await fetch(`${app.url}/nope`)).headers;
  const nobody = await startNginx({ replicas: [{ host: '127.0.0.1', port: await freePort() }] });
  onTestFinished(() => nobody.stop());
  const answers = [
    await ask(nginx.port, '/metrics'),
    await ask(nginx.port, '/socket.io/x'),
    await ask(nobody.port, '/'),
  ];
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 503]);
  for (const { headers } of answers) {
    for (const name of securityHeaders)
      expect({ name, value: headers[name] ?? null }).toEqual({ name, value: told.get(name) });
  }
});

test("a replica's answers have each of them once", async () => {
  replica.answer = (_, response) =>
    response.writeHead(404, { 'content-security-policy': 'its own', 'x-frame-options': 'DENY' }).end();
  const { headers } = await ask(nginx.port, '/nope');
  expect([headers['content-security-policy'], headers['x-frame-options']]).toEqual(['its own', 'DENY']);
});

test('Nginx does not tell its version', async () => {
  expect((await ask(nginx.port, '/socket.io/x')).headers['server']).toBe('nginx');
});

/** An answer of Nginx' own as it must be: the code of that name, as a replica would give it, and the request's id. */
function problemIn(answer: string, name: CodeName): object {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const { status, code, retry, message } = codes[name];
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toContain('\r\nContent-Type: application/problem+json\r\n');
  expect(head).toContain('\r\nCache-Control: no-store\r\n');
  const [, id = ''] = /\r\nX-Request-Id: (\S+)\r\n/.exec(head) ?? [];
  expect(id).toMatch(/^[\w-]{1,64}$/);
  const problem = JSON.parse(body) as { detail: string };
  expect(problem).toEqual({
    type: `urn:tickwire:problem:${name}`,
    title: message,
    status,
    detail: problem.detail,
    code,
    name,
    retry,
  });
  expect(problem.detail).toMatch(/^\w.{10,}$/);
  return { head, id };
}

const put = 'PUT /api/ticks HTTP/1.1\r\nHost: x\r\n';
test.each<[string, string, CodeName, RegExp?]>([
  ['a body over the limit', `${put}Content-Length: 2000000\r\n\r\n`, 'payload_too_large'],
  [
    'a length and chunks at once',
    `${put}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'bad_payload',
  ],
  ['another encoding than chunks', `${put}Transfer-Encoding: gzip\r\n\r\n`, 'transfer_not_supported'],
  ['two hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 'bad_payload'],
  ['no host', 'GET / HTTP/1.1\r\nX: x\r\n\r\n', 'bad_payload'],
  ['a zero byte in the path', 'GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n', 'bad_payload'],
  ['a zero byte for a user', 'POST /api/users/%00/disconnect HTTP/1.1\r\nHost: x\r\n\r\n', 'bad_payload'],
  ['no request at all', 'nonsense\r\nHost: x\r\n\r\n', 'bad_payload'],
  ['a header of 40 KB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 'headers_too_large'],
  ['an address of 40 KB', `GET /${'a'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 'uri_too_long'],
  [
    'TRACE',
    'TRACE /api/ticks HTTP/1.1\r\nHost: x\r\n\r\n',
    'method_not_allowed',
    /\r\nAllow: GET, HEAD, PUT, /,
  ],
  ['HTTP/9.9', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n', 'version_not_supported'],
  ['the metrics', 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n', 'not_found'],
  ['the metrics in capitals', 'GET /METRICS/ HTTP/1.1\r\nHost: x\r\n\r\n', 'not_found'],
  [
    'a token in the address',
    'GET /api/ticks?token=x HTTP/1.1\r\nHost: x\r\n\r\n',
    'token_invalid',
    /\r\nWWW-Authenticate: Bearer realm="tickwire"\r\n/,
  ],
])('%s is refused as a replica would, and reaches none', async (_, bytes, name, more = /^/) => {
  const answer = await askRaw(nginx.port, bytes.replace('\r\nHost', '\r\nConnection: close\r\nHost'));
  expect(problemIn(answer, name)).toMatchObject({ head: expect.stringMatching(more) as unknown });
  expect(replica.seen).toEqual([]);
});

test('who is not answered by a replica is told what became of the call', async () => {
  const nobody = await startNginx({ replicas: [{ host: '127.0.0.1', port: await freePort() }] });
  onTestFinished(() => nobody.stop());
  const get = 'GET /api/ticks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  const { head } = problemIn(await askRaw(nobody.port, get), 'replica_unavailable') as { head: string };
  expect(head).toContain('\r\nRetry-After: 1\r\n');
  replica.answer = (_, response) => void response.socket?.destroy();
  problemIn(await askRaw(nginx.port, get), 'replica_lost');
});
