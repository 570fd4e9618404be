/** Limits of one address at a true replica without a proxy, or behind one: who is refused, how, and that stock clients come back. */
import { describe, expect, it } from 'vitest';
import { ask, openSocket } from '../nginx/ask.ts';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

const polling = '/socket.io/?EIO=4&transport=polling';
const webSocket = '/socket.io/?EIO=4&transport=websocket';
const strict = { TRUSTED_NETWORKS: 'none' };
/** Stock but for the pause, so that the tests are quick. */
const eager = { reconnectionDelay: 50, reconnectionDelayMax: 100 };

const portOf = (url: string) => Number(new URL(url).port);

async function refusals(url: string, reason: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text
    .split('\n')
    .find((one) => one.startsWith('tickwire_handshakes_refused_total{') && one.includes(reason));
  return Number(line?.split(' ').at(-1) ?? 0);
}

describe('[LM7] connections of one address', () => {
  it('beyond the limit are answered 429, over either transport, and counted', async () => {
    const { url, connect } = await startReplica({ ...strict, MAX_CONNECTIONS_PER_ADDRESS: '2' });
    await connect({ transports: ['websocket'] }).seen('hello');
    await connect({ transports: ['polling'] }).seen('hello');

    const refused = await ask(portOf(url), polling);
    expect(refused.status).toBe(429);
    expect(refused.headers).toMatchObject({ 'retry-after': '5', 'content-type': 'application/problem+json' });
    expect(JSON.parse(refused.body)).toMatchObject({
      status: 429,
      code: 4210,
      name: 'too_many_connections_from_address',
      retry: 'later',
    });
    expect((await openSocket(portOf(url), webSocket)).status).toBe(429);
    expect(await refusals(url, 'too_many_connections_from_address')).toBe(2);
    // Everything else is still served.
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await openSocket(portOf(url), webSocket, { from: '127.0.0.9' })).status).toBe(101);
  });

  it.each([['websocket'], ['polling']])(
    'refused over %s come back by themselves when there is room',
    async (transport) => {
      const { url, connect } = await startReplica({ ...strict, MAX_CONNECTIONS_PER_ADDRESS: '1' });
      const first = connect();
      await first.seen('hello');
      const second = connect({ ...eager, transports: [transport] });
      await until(async () => (await refusals(url, 'too_many_connections_from_address')) >= 2);
      expect(second.hellos()).toHaveLength(0);
      first.close();
      await second.seen('hello', 1, 10_000);
      expect(await second.subscribe(['A'])).toMatchObject({ ok: true });
    },
  );

  it('are one each, also where polling became a WebSocket, until they end; a handshake that fails is none', async () => {
    const { url, connect } = await startReplica({ ...strict, MAX_CONNECTIONS_PER_ADDRESS: '1' });
    expect((await ask(portOf(url), polling, { headers: { origin: 'https://evil.example' } })).status).toBe(
      403,
    );
    const client = connect({ transports: ['polling', 'websocket'] });
    await until(() => client.socket.io.engine?.transport.name === 'websocket');
    expect((await ask(portOf(url), polling)).status).toBe(429);
    client.close();
    await until(async () => (await ask(portOf(url), polling)).status === 200);
    expect((await ask(portOf(url), polling)).status).toBe(429);
  });

  it('come back after a client that only vanished', async () => {
    const { url } = await startReplica({ ...strict, MAX_CONNECTIONS_PER_ADDRESS: '1' });
    const { socket, status } = await openSocket(portOf(url), webSocket);
    expect(status).toBe(101);
    expect((await openSocket(portOf(url), webSocket)).status).toBe(429);
    socket?.destroy();
    await until(async () => (await openSocket(portOf(url), webSocket)).status === 101);
  });
});

describe('[LM7] handshakes of one address', () => {
  it('are five times the rate in five seconds; then a client is told when to come, and a stock one does', async () => {
    const { url, connect } = await startReplica({ ...strict, MAX_HANDSHAKES_PER_SECOND: '1' });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await ask(portOf(url), polling)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    const refused = await ask(portOf(url), polling);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(5);
    expect(JSON.parse(refused.body)).toMatchObject({
      code: 4211,
      name: 'too_many_handshakes',
      retry: 'later',
    });
    // Neither as an upgrade, nor by a session id where there are no sessions.
    for (const path of [webSocket, '/stream/A', '/stream/A?sid=made-up'])
      expect((await openSocket(portOf(url), path)).status).toBe(429);
    const client = connect({ transports: ['websocket'] });
    await client.seen('hello', 1, 20_000);
    expect(await refusals(url, 'too_many_handshakes')).toBeGreaterThanOrEqual(5);
  });

  it('are those of whom the trusted proxy names, whatever a client writes before', async () => {
    const { url } = await startReplica({ ...strict, MAX_HANDSHAKES_PER_SECOND: '1', TRUST_PROXY: '1' });
    const statusOf = async (forwarded: string) =>
      (await ask(portOf(url), polling, { headers: { 'x-forwarded-for': forwarded } })).status;
    for (let i = 0; i < 5; i++) expect(await statusOf(`6.6.6.${i}, 192.0.2.1`)).toBe(200);
    expect(await statusOf('6.6.6.6, 192.0.2.1')).toBe(429);
    expect(await statusOf('192.0.2.2')).toBe(200);
  });

  it('are not counted for trusted networks, which this machine is by default', async () => {
    const { url } = await startReplica({ MAX_HANDSHAKES_PER_SECOND: '1', MAX_CONNECTIONS_PER_ADDRESS: '1' });
    for (let i = 0; i < 12; i++) expect((await ask(portOf(url), polling)).status).toBe(200);
    const open = await Promise.all([1, 2, 3].map(() => openSocket(portOf(url), webSocket)));
    expect(open.map(({ status }) => status)).toEqual([101, 101, 101]);
  });
});
