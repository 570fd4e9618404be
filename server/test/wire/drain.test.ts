import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refusedUpgrade } from '../support/plain-client.ts';
import { until } from '../support/until.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

const handshake = '/socket.io/?EIO=4&transport=polling';
const websocketOnly = { transports: ['websocket'] };

/** Keeps this replica believing that another one takes its clients. */
function haveElsewhere({ backplane }: ReplicaUnderTest): void {
  const tell = (): void =>
    backplane.hear('tickwire:node', { node: 'other', connections: 0, isLeaving: false });
  tell();
  const beat = setInterval(tell, 200);
  onTestFinished(() => clearInterval(beat));
}

/** Sends the request line by hand and gives what came until the end. */
async function upgrade(url: string, path: string): Promise<string> {
  const { socket, said } = await rawWebSocket(url, path);
  await until(() => socket.destroyed || socket.readableEnded || said().includes('\r\n\r\n'));
  socket.destroy();
  return said();
}

async function rawWebSocket(url: string, path: string): Promise<{ socket: Socket; said: () => string }> {
  const { hostname, port, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let said = '';
  socket.on('data', (bytes: Buffer) => (said += bytes.toString('latin1')));
  socket.on('error', () => {});
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await until(() => said.includes('\r\n\r\n'));
  return { socket, said: () => said };
}

describe('a replica that leaves', () => {
  it('[DR2] answers new handshakes 503 with Retry-After on both transports, and is not ready', async () => {
    const under = await startReplica({ DRAIN_MS: '3000' });
    haveElsewhere(under);
    const client = under.connect(websocketOnly);
    await client.seen('hello');
    void under.replica.close();
    const refused = await fetch(under.url + handshake);
    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('connection')]).toEqual([
      503,
      '1',
      'close',
    ]);
    expect(await refused.json()).toMatchObject({ code: 4502, name: 'draining', retry: 'now' });
    const answer = await upgrade(under.url, '/socket.io/?EIO=4&transport=websocket');
    expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: 1\r\n/);
    expect((await fetch(`${under.url}/health/ready`)).status).toBe(503);
    expect(await (await fetch(`${under.url}/health`)).json()).toMatchObject({ status: 'draining' });
  });

  it('[DR2] goes on with the sessions it has, ticks included, until each is closed', async () => {
    const under = await startReplica({ DRAIN_MS: '2000' });
    haveElsewhere(under);
    const clients = [1, 2, 3].map(() => under.connect({ ...websocketOnly, reconnection: false }));
    for (const client of clients) {
      await client.seen('hello');
      client.follow(['A']);
      await client.seen('snapshot');
    }
    // A drained replica leads no more, so its ticks come from another: here they are emitted as the adapter would.
    await under.push([{ symbol: 'A', price: '1' }]);
    for (const client of clients) await client.seen('tick');
    const ended = under.replica.close();
    for (const client of clients) await client.seen('shutdown');
    const told = clients.map(
      (client) => client.of<{ reconnectInMs: number }>('shutdown')[0]?.reconnectInMs ?? -1,
    );
    expect(told[0]).toBeLessThanOrEqual(667);
    expect(told[2]).toBeGreaterThanOrEqual(1_333);
    const closedAt = clients.map(
      (client) =>
        new Promise<number>((resolve) => client.socket.once('disconnect', () => resolve(Date.now()))),
    );
    const last = clients[2];
    expect(await last?.subscribe(['B'])).toMatchObject({ ok: true });
    const times = await Promise.all(closedAt);
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
    await ended;
    expect(clients.flatMap((client) => client.faults())).toEqual([]);
  });

  it('[PW7][DR2][DR3] treats plain WebSockets the same: told, closed with 1001, new ones answered 503', async () => {
    const under = await startReplica({ DRAIN_MS: '1500' });
    haveElsewhere(under);
    const clients = [1, 2, 3].map(() => under.stream('/stream?symbols=BTC-USD'));
    for (const client of clients) await client.seen('tick');
    const ended = under.replica.close();
    for (const client of clients) await client.seen('shutdown');
    expect(await refusedUpgrade(under.url, '/stream/BTC-USD')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
    });
    const told = clients.map((client) => Number(client.of('shutdown')[0]?.['reconnectInMs']));
    expect(told.toSorted((a, b) => a - b)).toEqual(told);
    for (const client of clients) expect((await client.closed()).code).toBe(1001);
    expect(clients.flatMap((client) => client.faults())).toEqual([]);
    await ended;
  });

  it('[PW7][DR4] cuts a plain WebSocket that does not close', async () => {
    const under = await startReplica({ DRAIN_MS: '200' });
    const { socket, said } = await rawWebSocket(under.url, '/stream');
    await until(() => said().includes('"hello"'));
    const startedAt = Date.now();
    await under.replica.close();
    expect(Date.now() - startedAt).toBeLessThan(2_500);
    await until(() => socket.destroyed || socket.readableEnded);
  });

  it('[DR3] closes polling sessions at once, after they were told', async () => {
    const under = await startReplica({ DRAIN_MS: '5000' });
    haveElsewhere(under);
    const polling = under.connect({ transports: ['polling'], reconnection: false });
    const staying = under.connect(websocketOnly);
    await polling.seen('hello');
    await staying.seen('hello');
    const gone = new Promise((resolve) => polling.socket.once('disconnect', resolve));
    void under.replica.close();
    const startedAt = Date.now();
    await gone;
    expect(Date.now() - startedAt).toBeLessThan(1_000);
    expect(polling.of('shutdown')).toHaveLength(1);
    void under.replica.close({ withinMs: 100 });
  });

  it('[DR4] cuts a peer that ignores its Close, and one that reads nothing', async () => {
    const under = await startReplica({ DRAIN_MS: '200' });
    const { socket, said } = await rawWebSocket(under.url, '/socket.io/?EIO=4&transport=websocket');
    // The namespace is joined with a masked text frame of a zero mask; afterwards this peer only listens.
    socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]));
    await until(() => said().includes('"hello"'));
    socket.pause();
    const startedAt = Date.now();
    await under.replica.close();
    expect(Date.now() - startedAt).toBeLessThan(2_500);
    socket.resume();
    await until(() => socket.destroyed || socket.readableEnded);
  });

  it('[DR5] ends at once without clients, after calls under way; keeps nobody for long without another replica', async () => {
    const under = await startReplica({ DRAIN_MS: '15000' });
    const idle = await startReplica({ DRAIN_MS: '15000' });
    haveElsewhere(idle);
    const startedAt = Date.now();
    await idle.replica.close();
    expect(Date.now() - startedAt).toBeLessThan(500);
    const client = under.connect({ ...websocketOnly, reconnection: false });
    await client.seen('hello');
    await under.replica.close();
    expect(Date.now() - startedAt).toBeLessThan(3_500);
    await client.seen('shutdown');
  });

  it('[DR6] is told by the API, by itself or by another, and only with a key', async () => {
    const under = await startReplica();
    const post = (node: string, headers: Record<string, string> = {}) =>
      fetch(`${under.url}/api/nodes/${node}/drain`, { method: 'POST', headers });
    const key = { 'X-API-Key': 'dummy-key-1' };
    expect((await post('test')).status).toBe(401);
    const unknown = await post('nobody', key);
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { name: 'not_found' }]);
    haveElsewhere(under);
    const silent = await post('other', key);
    expect([silent.status, silent.headers.get('retry-after')]).toEqual([503, '1']);
    const nobody = { connections: 0, users: 0, anonymous: 0 };
    const list = await fetch(`${under.url}/api/nodes`, { headers: key });
    expect(await list.json()).toEqual({
      nodes: [
        { node: 'test', state: 'serving', leader: true, uptime: expect.any(Number), ...nobody },
        { node: 'other', state: 'serving', leader: false, uptime: 0, ...nobody },
      ],
    });
    const told = await post('test', key);
    expect([told.status, await told.json()]).toEqual([202, { node: 'test', state: 'draining' }]);
    await until(async () => (await fetch(`${under.url}/health/live`).catch(() => null)) === null);
  });
});

describe('figures', () => {
  it('are told on /metrics, with the names that dashboards know', async () => {
    const under = await startReplica();
    const client = under.connect();
    await client.seen('hello');
    await client.subscribe(['A']);
    await client.call('nonsense');
    await under.push([{ symbol: 'A', price: '1' }]);
    await client.seen('tick');
    await fetch(`${under.url}/socket.io/?EIO=3&transport=polling`);
    const answer = await fetch(`${under.url}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const text = await answer.text();
    const valueOf = (line: string): number =>
      Number(
        text
          .split('\n')
          .find((candidate) => candidate.startsWith(`${line} `))
          ?.split(' ')[1] ?? Number.NaN,
      );
    expect(valueOf('socket_connections_total{node="test"}')).toBe(1);
    expect(valueOf('socket_connections_active{node="test"}')).toBe(1);
    // connect, hello, feed, the answer, the snapshot, a refusal, the tick.
    expect(valueOf('socket_messages_sent_total{node="test"}')).toBe(7);
    // connect and two calls.
    expect(valueOf('socket_messages_received_total{node="test"}')).toBe(3);
    expect(valueOf('socket_errors_total{kind="refused",node="test"}')).toBe(1);
    expect(valueOf('socket_errors_total{kind="handshake",node="test"}')).toBe(1);
    expect(valueOf('tickwire_leading{node="test"}')).toBe(1);
    expect(valueOf('tickwire_epoch{node="test"}')).toBe(1);
    expect(valueOf('tickwire_appended_ticks_total{node="test"}')).toBeGreaterThan(0);
  });

  it('tell how old ticks are at each hop, and how they were written', async () => {
    const under = await startReplica({ FEEDS: 'push:A,B,C' });
    const client = under.connect({ transports: ['websocket'] });
    await client.subscribe(['A', 'B']);
    await client.subscribe({ symbols: ['C'], everyMs: 250 });
    const ts = Date.now() - 7_000;
    expect(await under.push(['A', 'B', 'C'].map((symbol) => ({ symbol, price: '1', ts })))).toBe(200);
    await client.seen('tick', 3);
    const text = await (await fetch(`${under.url}/metrics`)).text();
    const figures = text.split('\n').filter((line) => !line.startsWith('#'));
    const agesOf = (hop: string): (string | undefined)[] =>
      ['_bucket{le="5"', '_bucket{le="10"', '_count{'].map((name) =>
        figures
          .find((line) => line.startsWith(`tickwire_tick_age_seconds${name}`) && line.includes(`"${hop}"`))
          ?.split(' ')
          .at(-1),
      );
    expect(agesOf('source')).toEqual(['0', '3', '3']);
    expect(agesOf('append')).toEqual(['0', '3', '3']);
    expect(agesOf('replica')).toEqual(['0', '3', '3']);
    expect(agesOf('write')).toEqual(['0', '3', '3']);
    // A and B in one turn, and C at the end of its period.
    expect(figures).toEqual(
      expect.arrayContaining([
        'tickwire_deliveries_total{node="test"} 3',
        'tickwire_flushes_total{node="test"} 2',
        'tickwire_writes_total{path="fast",node="test"} 2',
        'tickwire_writes_total{path="slow",node="test"} 0',
        'tickwire_write_ticks_bucket{le="1",node="test"} 1',
        'tickwire_write_ticks_sum{node="test"} 3',
        'tickwire_write_ticks_count{node="test"} 2',
        'tickwire_conflated_ticks_total{node="test"} 0',
      ]),
    );
  });
});
