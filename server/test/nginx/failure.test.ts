/** What happens to a request whose replica is draining, dead, slow or dies over it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startNginx, type NginxServer } from '../support/processes/start-nginx.ts';
import { ask, upgradedBy, type Answer } from './ask.ts';
import { createScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';

let r1: ScriptedUpstream;
let r2: ScriptedUpstream;
let nginx: NginxServer;

beforeEach(async () => {
  [r1, r2] = await Promise.all([createScriptedUpstream('r1'), createScriptedUpstream('r2')]);
  nginx = await startNginx({ replicas: [r1, r2] });
});

afterEach(async () => {
  await nginx?.stop();
  await Promise.all([r1.close(), r2.close()]);
});

const asked = () => r1.seen.length + r2.seen.length;
const handshake = (cid: string) => ask(nginx.port, `/socket.io/?EIO=4&transport=polling&cid=${cid}`);

/** A cid whose replica is this one, found by asking. */
async function cidOf(replica: ScriptedUpstream): Promise<string> {
  for (let i = 0; i < 100; i += 1) if ((await handshake(`c${i}`)).body === replica.name) return `c${i}`;
  throw new Error(`none of 100 cids went to ${replica.name}`);
}

test('a handshake that a draining replica answers with 503 goes to the next, on every transport', async () => {
  const cid = await cidOf(r1);
  r1.answer = (_, response) => response.writeHead(503).end();
  r1.refuseUpgrade = 503;
  expect((await handshake(cid)).body).toBe('r2');
  expect(await upgradedBy(nginx.port, '/socket.io/?EIO=4&transport=websocket&cid=xyz')).toBe('r2');
  for (let i = 0; i < 4; i += 1) expect(await upgradedBy(nginx.port, '/stream/BTC-USD')).toBe('r2');
});

test('when every replica drains, the 503 of a replica is the answer', async () => {
  for (const replica of [r1, r2]) {
    replica.answer = (_, response) => response.writeHead(503, { 'retry-after': '3' }).end('draining');
  }
  const { status, headers, body } = await handshake('a');
  expect({ status, body, retryAfter: headers['retry-after'] }).toEqual({
    status: 503,
    body: 'draining',
    retryAfter: '3',
  });
});

test('a PUT whose replica dies over it is not repeated elsewhere: 502, and what became of it is not known', async () => {
  for (const replica of [r1, r2]) replica.answer = (request) => void request.socket.destroy();
  const { status, headers, body } = await ask(nginx.port, '/api/ticks', { method: 'PUT', body: '[]' });
  expect(status).toBe(502);
  expect(headers['content-type']).toBe('application/problem+json');
  expect(JSON.parse(body)).toMatchObject({ status: 502, name: 'replica_lost' });
  expect(asked()).toBe(1);
});

test('a PUT that a replica answers with 503 is not repeated elsewhere', async () => {
  for (const replica of [r1, r2]) replica.answer = (_, response) => response.writeHead(503).end('no leader');
  const { status, body } = await ask(nginx.port, '/API/ticks', { method: 'PUT', body: '[]' });
  expect({ status, body, asked: asked() }).toEqual({ status: 503, body: 'no leader', asked: 1 });
});

test('a PUT and a page that met a dead replica reach a living one, since nothing was sent', async () => {
  await r1.close();
  const answers: Answer[] = [];
  for (let i = 0; i < 6; i += 1)
    answers.push(await ask(nginx.port, '/api/ticks', { method: 'PUT', body: '[1]' }));
  expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 6 }, () => 'r2'));
  expect(r2.seen).toHaveLength(6);
  for (let i = 0; i < 4; i += 1) expect((await ask(nginx.port, '/')).body).toBe('r2');
});

test.each(['/', '/health', '/api/ticks', '/socket.io/?EIO=4&transport=polling&cid=a', '/stream/BTC-USD'])(
  'with no replica at all %s is 503 as problem+json with Retry-After',
  async (path) => {
    await Promise.all([r1.close(), r2.close()]);
    for (let i = 0; i < 2; i += 1) {
      const { status, headers, body } = await ask(nginx.port, path);
      expect(status).toBe(503);
      expect(headers['content-type']).toBe('application/problem+json');
      expect(headers['retry-after']).toBe('1');
      expect(JSON.parse(body)).toMatchObject({ status: 503, name: 'replica_unavailable' });
    }
  },
);

test('after all replicas were gone, the first one back gets its clients at once', async () => {
  const { port } = r1;
  await Promise.all([r1.close(), r2.close()]);
  expect((await handshake('a')).status).toBe(503);
  r1 = await createScriptedUpstream('r1', port);
  for (const cid of ['a', 'b', 'c', 'd']) expect((await handshake(cid)).body).toBe('r1');
  expect(await upgradedBy(nginx.port, '/socket.io/?EIO=4&transport=websocket')).toBe('r1');
});

test('a replica that failed gets no sessions back while a drain may still run', async () => {
  const { port } = r1;
  const cid = await cidOf(r1);
  await r1.close();
  expect((await handshake(cid)).body).toBe('r2');
  r1 = await createScriptedUpstream('r1', port);
  expect((await handshake(cid)).body).toBe('r2');
});
