/** Each bad request gets its one answer from the whole cluster, and its connection lives or is closed as the answer says. */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ask, openSocket } from '../nginx/ask.ts';
import { until } from '../support/until.ts';
import { headerRows, formRows } from './catalogue/form-rows.ts';
import { cidRows, methodRows, pathRows, protocolRows } from './catalogue/path-rows.ts';
import { testExchanges } from './exchanges.ts';
import { startWatchedCluster, trustedAddress, type WatchedCluster } from './watched-cluster.ts';

const limits = { connectionsPerAddress: 4, handshakesPerSecond: 1, callsPerSecond: 1 };
/** Above the ten seconds that Nginx waits for a header, or for more of a body. */
const slowEndsWithinMs = 13_000;

const polling = '/socket.io/?EIO=4&transport=polling';
const webSocket = '/socket.io/?EIO=4&transport=websocket';
/** The first, and a burst of five seconds for handshakes and of two for calls. */
const [handshakes, calls] = [6, 3];
const spoofed = (address: string): Record<string, string> => ({
  'X-Forwarded-For': address,
  'X-Real-IP': address,
  Forwarded: `for=${address}`,
});

/** Requests of one address: their path, how many are not refused besides one each second, and the headers of the n-th. */
const crowds: readonly [
  name: string,
  from: string,
  path: (n: number) => string,
  accepted: number,
  headers?: (n: number) => Record<string, string>,
][] = [
  ['handshakes with a secret', '127.0.0.22', () => `${polling}&api_key=dummy-key-1`, handshakes],
  [
    'handshakes that claim the trusted address',
    '127.0.0.23',
    () => polling,
    handshakes,
    () => spoofed('127.0.0.1'),
  ],
  [
    'handshakes that each claim another',
    '127.0.0.24',
    () => polling,
    handshakes,
    (n) => spoofed(`203.0.113.${n}`),
  ],
  ['handshakes that each bring another cid', '127.0.0.25', (n) => `${polling}&cid=${n}`, handshakes],
  ['API calls in capitals', '127.0.0.27', () => '/API/ticks?symbols=AAPL', calls],
  ['pages', '127.0.0.28', () => '/', calls],
  ['handshakes of a trusted network', trustedAddress, () => polling, 20],
  ['API calls of a trusted network', trustedAddress, () => '/api/ticks?symbols=AAPL', 20],
];
/** They go on with a byte each second. */
const slowStarts = ['GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ', 'GET /'];

let cluster: WatchedCluster;
/** At work while the others have their turn: after how many milliseconds each was closed. */
let slow: { sockets: Socket[]; closedAfterMs: number[] };

describe('nginx', () => {
  beforeAll(async () => {
    cluster = await startWatchedCluster({ env: { API_KEYS: 'dummy-key-1' }, nginx: limits });
    slow = sendSlowly(slowStarts, 100);
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

  it.each(crowds)('crowd: %s', async (_, from, path, accepted, headers = () => ({})) => {
    const startedAt = performance.now();
    const answers = [];
    for (let n = 0; n < 20; n++)
      answers.push(await ask(cluster.port, path(n), { from, headers: headers(n) }));
    const refused = answers.filter(({ status }) => status === 429);
    const seconds = Math.ceil((performance.now() - startedAt) / 1_000);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(accepted);
    expect(answers.length - refused.length).toBeLessThanOrEqual(accepted + seconds);
    for (const one of refused) {
      expect(one.headers).toMatchObject({ 'retry-after': '1', 'content-type': 'application/problem+json' });
      expect(JSON.parse(one.body)).toMatchObject({ status: 429 });
    }
    await cluster.unharmed();
  });

  it.each([
    ['an address', '127.0.0.29', limits.connectionsPerAddress],
    ['a trusted network', trustedAddress, 6],
  ])('crowd: WebSockets of %s', async (_, from, accepted) => {
    const statuses: number[] = [];
    for (let n = 0; n < 6; n++) {
      const { status, socket } = await openSocket(cluster.port, webSocket, { from });
      onTestFinished(() => void socket?.destroy());
      statuses.push(status);
    }
    expect(statuses).toEqual([...Array(accepted).fill(101), ...Array(6 - accepted).fill(429)]);
    await cluster.unharmed();
  });

  it('slow: headers and first lines that never end', { timeout: 2 * slowEndsWithinMs }, async () => {
    const { sockets, closedAfterMs } = slow;
    await until(() => closedAfterMs.length === sockets.length, { withinMs: slowEndsWithinMs });
    expect(Math.max(...closedAfterMs)).toBeLessThan(slowEndsWithinMs);
    // An honest client may be slow too.
    expect(Math.min(...closedAfterMs)).toBeGreaterThan(9_000);
    await cluster.unharmed();
  });

  it('no secret is in any log, and nothing crashed, also where a replica is gone', async () => {
    await cluster.replicas[0]?.kill('SIGKILL');
    const paths = [polling, webSocket, '/stream?symbols=AAPL'];
    // First, before Nginx leaves the one that is gone alone.
    for (let n = 0; n < 6; n++) await ask(cluster.port, '/api/status?api_key=dummy-key-1');
    for (let n = 0; n < 30; n++) await ask(cluster.port, `${paths[n % 3]}&cid=${n}&api_key=dummy-key-1`);
    expect(await cluster.endAndFindLeaks()).toEqual([]);
  });
});

/** Opens so many connections for each start and sends it, then a byte each second. */
function sendSlowly(starts: readonly string[], count: number): typeof slow {
  const closedAfterMs: number[] = [];
  const startedAt = performance.now();
  const sockets = starts.flatMap((start, group) =>
    Array.from({ length: count }, () => {
      const localAddress = `127.0.0.${31 + group}`;
      const socket = connect({ port: cluster.port, host: '127.0.0.1', localAddress });
      socket.write(start);
      const trickle = setInterval(() => void socket.write('x'), 1_000);
      socket.resume();
      socket.on('error', () => {});
      socket.once('close', () => {
        clearInterval(trickle);
        closedAfterMs.push(performance.now() - startedAt);
      });
      return socket;
    }),
  );
  return { sockets, closedAfterMs };
}
