/** Each bad request gets its one answer from the whole cluster, and its connection lives or is closed as the answer says. */
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ask, type Answer } from '../nginx/ask.ts';
import { until } from '../support/until.ts';
import { headerRows, formRows } from './catalogue/form-rows.ts';
import { cidRows, methodRows, pathRows } from './catalogue/path-rows.ts';
import { protocolRows } from './catalogue/protocol-rows.ts';
import { crowdRows, slowRows, type CrowdRow } from './catalogue/crowd-rows.ts';
import { testExchanges } from './exchanges.ts';
import { startWatchedCluster, trustedAddress, type WatchedCluster } from './watched-cluster.ts';

const limits = { connectionsPerAddress: 4, handshakesPerSecond: 1, callsPerSecond: 1 };
/** Above the ten seconds that Nginx waits for a header, or for more of a body. */
const slowEndsWithinMs = 13_000;

let cluster: WatchedCluster;
/** Those that send next to nothing, at work while the others have their turn; when each was closed, in milliseconds. */
let slow: Map<string, { sockets: Socket[]; closedAfterMs: number[] }>;

describe('nginx', () => {
  beforeAll(async () => {
    cluster = await startWatchedCluster({ env: { API_KEYS: 'dummy-key-1' }, nginx: limits });
    slow = new Map(slowRows.map(({ name, send }) => [name, sendSlowly(send)]));
  });
  afterAll(() => cluster.stop());

  testExchanges(() => cluster, {
    method: methodRows,
    path: pathRows,
    cid: cidRows,
    header: headerRows,
    form: formRows,
    protocol: protocolRows,
  });

  for (const { name, send, expect: expected } of crowdRows)
    it(`crowd: ${name}`, async () => {
      const startedAt = performance.now();
      const answers: Answer[] = [];
      for (let n = 0; n < send.count; n++) answers.push(await askAsOne(send, n));
      const more = (expected.perSecond * (performance.now() - startedAt)) / 1_000;
      const refused = answers.filter(({ status }) => status === 429);
      const taken = answers.length - refused.length;
      expect(taken).toBeGreaterThanOrEqual(expected.taken);
      expect(taken).toBeLessThanOrEqual(expected.taken + Math.ceil(more));
      for (const { headers, body } of refused) {
        expect(headers).toMatchObject({ 'retry-after': '1', 'content-type': 'application/problem+json' });
        expect(JSON.parse(body)).toMatchObject({ status: 429 });
      }
      await cluster.unharmed();
    });

  for (const { name, expect: atLeastMs } of slowRows)
    it(`slow: ${name}`, { timeout: 2 * slowEndsWithinMs }, async () => {
      const { sockets, closedAfterMs } = slow.get(name) ?? { sockets: [], closedAfterMs: [] };
      await until(() => closedAfterMs.length === sockets.length, { withinMs: slowEndsWithinMs });
      expect(Math.max(...closedAfterMs)).toBeLessThan(slowEndsWithinMs);
      expect(Math.min(...closedAfterMs)).toBeGreaterThan(atLeastMs);
      await cluster.unharmed();
    });

  it('no secret is in any log, and nothing crashed, also where a replica is gone', async () => {
    await cluster.replicas[0]?.kill('SIGKILL');
    const paths = [
      '/socket.io/?EIO=4&transport=polling',
      '/socket.io/?EIO=4&transport=websocket',
      '/stream?symbols=AAPL',
    ];
    // First, before Nginx leaves the one that is gone alone.
    for (let n = 0; n < 6; n++) await ask(cluster.port, '/api/status?api_key=dummy-key-1');
    for (let n = 0; n < 30; n++) await ask(cluster.port, `${paths[n % 3]}&cid=${n}&api_key=dummy-key-1`);
    expect(await cluster.endAndFindLeaks()).toEqual([]);
  });
});

/** The n-th of a crowd; a WebSocket stays open until the test ends. */
async function askAsOne(send: CrowdRow['send'], n: number): Promise<Answer> {
  const path = typeof send.path === 'string' ? send.path : send.path(n);
  const question = { from: send.from ?? trustedAddress, headers: send.headers?.(n) ?? {} };
  if (send.open !== true) return ask(cluster.port, path, question);
  const asked = request({
    host: '127.0.0.1',
    port: cluster.port,
    path,
    localAddress: question.from,
    agent: false,
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    },
  });
  return new Promise((resolve, reject) => {
    asked.once('error', reject);
    asked.once('upgrade', ({ headers }, socket) => {
      onTestFinished(() => void socket.destroy());
      resolve({ status: 101, headers, body: '' });
    });
    asked.once('response', (response) => {
      void text(response).then((body) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    asked.end();
  });
}

/** Opens the connections and sends the start, then a byte each second. */
function sendSlowly({ count, start, from }: (typeof slowRows)[number]['send']) {
  const closedAfterMs: number[] = [];
  const startedAt = performance.now();
  const sockets = Array.from({ length: count }, () => {
    const socket = connect({ port: cluster.port, host: '127.0.0.1', localAddress: from });
    socket.write(start);
    const trickle = setInterval(() => void socket.write('x'), 1_000);
    socket.resume();
    socket.on('error', () => {});
    socket.once('close', () => {
      clearInterval(trickle);
      closedAfterMs.push(performance.now() - startedAt);
    });
    return socket;
  });
  return { sockets, closedAfterMs };
}
