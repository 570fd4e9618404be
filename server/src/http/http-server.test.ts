/** What never becomes a request, on true sockets. */
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serveEachTest } from '../../test/support/stand-ins/serve-app.ts';
import { codes, type CodeName } from '../../protocol/index.ts';
import { createLog } from '../support/log.ts';
import { createHttpServer } from './http-server.ts';

const app = serveEachTest();

const put = 'PUT /api/ticks HTTP/1.1\r\nHost: x\r\n';
/** Statuses of the answers in what came. */
const statusesIn = (said: string): number[] =>
  [...said.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

describe('what is no request', () => {
  it.each<[string, string, CodeName]>([
    ['no HTTP', 'nonsense\r\n\r\n', 'bad_payload'],
    ['a path that is none', 'GET %2fapi HTTP/1.1\r\nHost: x\r\n\r\n', 'bad_payload'],
    ['a control character in a query', 'GET /api/nodes?\x01 HTTP/1.1\r\nHost: x\r\n\r\n', 'bad_payload'],
    ['a control character in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX: \x01\r\n\r\n', 'bad_payload'],
    ['an unknown method', 'PATCHWORK / HTTP/1.1\r\nHost: x\r\n\r\n', 'bad_payload'],
    ['a length and chunks', `${put}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`, 'bad_payload'],
    ['headers of 20 KB', `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 'headers_too_large'],
    ['an upgrade of TCP', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n', 'method_not_allowed'],
  ])('[AP8] (%s) is refused with a problem, logged and closed', async (_, bytes, name) => {
    const [head = '', body = '', ...more] = (await app.raw(bytes)).split('\r\n\r\n');
    const { status, code, retry, message } = codes[name];
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} \\w`));
    expect(head).toContain('\r\nContent-Type: application/problem+json\r\n');
    expect(head).toContain('\r\nConnection: close\r\n');
    expect(JSON.parse(body)).toMatchObject({ title: message, status, code, name, retry });
    expect(more).toEqual([]);
    const [, id] = /\r\nX-Request-Id: (\S+)/.exec(head) ?? [];
    expect(app.lines).toMatchObject([{ level: 'debug', req: { id }, name }]);
  });

  it('[AP8] in the body of a request is refused once', async () => {
    const said = await app.raw(
      `${put}X-API-Key: test-key-0123456789\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    );
    expect(statusesIn(said)).toEqual([400]);
  });

  it.each([
    ['within the answer', true],
    ['in place of the answer', false],
  ])('[AP8] is not answered %s to what came before it', async (_, hasBegun) => {
    let finish = (): void => {};
    const server = createHttpServer(
      (_req, res) => {
        const begin = () => res.writeHead(200, { 'Content-Length': '10' }).write('12345');
        if (hasBegun) begin();
        finish = () => {
          if (!hasBegun) begin();
          res.end('67890');
        };
      },
      createLog({ level: 'silent', node: 'n1' }),
    );
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const failed = new Promise((resolve) => server.once('clientError', resolve));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n');
    const said = text(socket).catch(() => '');
    await failed;
    finish();
    expect(statusesIn(await said).filter((status) => status !== 200)).toEqual([]);
  });
});

it('an expectation that nobody meets is no reason to refuse', async () => {
  const said = await app.raw('GET /health HTTP/1.1\r\nHost: x\r\nExpect: 200-x\r\nConnection: close\r\n\r\n');
  expect(statusesIn(said)).toEqual([200]);
});

it('an operation has no validators: whoever has an answer already gets it again', async () => {
  for (const line of [
    'If-None-Match: *',
    'If-Match: "x"',
    'If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT',
  ]) {
    const said = await app.raw(`GET /api/ticks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${line}\r\n\r\n`);
    expect(said).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\n\{"quotes":/);
    expect(said).not.toMatch(/\r\nETag:/i);
  }
});
