/** Limits per client address at a replica, with and without a proxy: which clients are refused, with which answer, and that stock clients return. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ask, openSocket } from '../nginx/ask.ts';
import { until } from '../support/until.ts';
import { pollingPath, startReplica, webSocketPath, type ReplicaUnderTest } from './replica-under-test.ts';

const strict = { TRUSTED_NETWORKS: 'none' };
/** Only the pause differs from a stock client. */
const eager = { reconnectionDelay: 50, reconnectionDelayMax: 100 };

const refusals = ({ metric }: ReplicaUnderTest, reason: string): Promise<number> =>
  metric('tickwire_handshakes_refused_total', reason);

describe('connections per address', () => {
  it('[LM7] beyond the limit are answered 429 over either transport, and counted', async () => {
    const under = await startReplica({ ...strict, MAX_CONNECTIONS_PER_ADDRESS: '2' });
    const { url, port, connect } = under;
    await connect({ transports: ['websocket'] }).seen('hello');
    await connect({ transports: ['polling'] }).seen('hello');

    const refused = await ask(port, pollingPath);
    expect(refused.status).toBe(429);
    expect(refused.headers).toMatchObject({ 'retry-after': '5', 'content-type': 'application/problem+json' });
    expect(JSON.parse(refused.body)).toMatchObject({
      status: 429,
      code: 4210,
      name: 'too_many_connections_from_address',
      retry: 'later',
    });
    expect((await openSocket(port, webSocketPath)).status).toBe(429);
    expect(await refusals(under, 'too_many_connections_from_address')).toBe(2);
    // Everything else is still served.
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await openSocket(port, webSocketPath, { from: '127.0.0.9' })).status).toBe(101);
  });

  it.each([['websocket'], ['polling']])(
    '[LM7][CL1] a stock client that was refused over %s comes back when there is room',
    async (transport) => {
      const under = await startReplica({ ...strict, MAX_CONNECTIONS_PER_ADDRESS: '1' });
      const first = await under.join();
      const second = under.connect({ ...eager, transports: [transport] });
      await until(async () => (await refusals(under, 'too_many_connections_from_address')) >= 2);
      expect(second.hellos()).toHaveLength(0);
      first.close();
      await second.seen('hello', 1, 10_000);
      expect(await second.subscribe(['A'])).toMatchObject({ ok: true });
    },
  );

  it('[LM7] count once each, also after an upgrade, until they end or vanish; failed handshakes do not count', async () => {
    const { port, connect } = await startReplica({ ...strict, MAX_CONNECTIONS_PER_ADDRESS: '1' });
    const statusOf = async (): Promise<number> => (await ask(port, pollingPath)).status;
    const headers = { origin: 'https://evil.example' };
    expect((await ask(port, pollingPath, { headers })).status).toBe(403);
    const client = connect({ transports: ['polling', 'websocket'] });
    await until(() => client.socket.io.engine?.transport.name === 'websocket');
    expect(await statusOf()).toBe(429);
    client.close();
    const next = await until(async () => {
      const { socket, status } = await openSocket(port, webSocketPath);
      return status === 101 && socket;
    });
    expect(await statusOf()).toBe(429);
    next.destroy();
    await until(async () => (await statusOf()) === 200);
  });
});

describe('handshakes per address', () => {
  const env = { ...strict, MAX_HANDSHAKES_PER_SECOND: '1' };
  const sorted = (statuses: number[]): number[] => statuses.toSorted((a, b) => a - b);

  it('[LM7] are five times the rate within five seconds; then every kind is told when to come back, and a stock client does', async () => {
    const under = await startReplica(env);
    const { port } = under;
    const answers = await Promise.all(Array.from({ length: 7 }, () => ask(port, pollingPath)));
    expect(sorted(answers.map(({ status }) => status))).toEqual([200, 200, 200, 200, 200, 429, 429]);
    const refused = answers.find(({ status }) => status === 429);
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(refused?.headers['retry-after'])).toBeLessThanOrEqual(5);
    expect(JSON.parse(refused?.body ?? '')).toMatchObject({
      code: 4211,
      name: 'too_many_handshakes',
      retry: 'later',
    });
    // A made-up session id does not help a plain WebSocket, which has no sessions.
    const upgrades = [webSocketPath, '/stream/A', '/stream/A?sid=made-up'].map(async (path) => {
      const { status } = await openSocket(port, path);
      return status;
    });
    expect(await Promise.all(upgrades)).toEqual([429, 429, 429]);
    expect(await refusals(under, 'too_many_handshakes')).toBe(5);
    const client = under.connect({ ...eager, transports: ['websocket'] });
    await until(async () => (await refusals(under, 'too_many_handshakes')) > 5);
    expect(client.hellos()).toEqual([]);
    // The limiter reads the system's date.
    vi.setSystemTime(Date.now() + 5_000);
    onTestFinished(() => void vi.useRealTimers());
    await client.seen('hello');
  });

  it('[LM7] belong to the address that the trusted proxy names, whatever a client writes before it', async () => {
    const { port } = await startReplica({ ...env, TRUST_PROXY: '1' });
    const statusOf = async (forwarded: string): Promise<number> =>
      (await ask(port, pollingPath, { headers: { 'x-forwarded-for': forwarded } })).status;
    const statuses = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => statusOf(`6.6.6.${n}, 192.0.2.1`)));
    expect(sorted(statuses)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(await statusOf('192.0.2.2')).toBe(200);
  });

  it.each(['&sid=', '&sid=a&sid=', '&SID=a', '&sid=a&%73id=', '&%73id='])(
    '[LM7] are counted with the query %s, unless Nginx takes it for one of a session',
    async (more) => {
      const { port } = await startReplica(env);
      const answers = await Promise.all(Array.from({ length: 7 }, () => ask(port, pollingPath + more)));
      // Nginx takes the first `sid`, in any case: such a request must not be a handshake.
      expect(sorted(answers.map(({ status }) => status))).toEqual(
        /&sid=a|SID/.test(more) ? Array(7).fill(400) : [200, 200, 200, 200, 200, 429, 429],
      );
    },
  );

  it('[LM7] have no limit from trusted networks, such as this machine by default', async () => {
    const { port } = await startReplica({ MAX_HANDSHAKES_PER_SECOND: '1', MAX_CONNECTIONS_PER_ADDRESS: '1' });
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(port, pollingPath)));
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200));
    const sockets = await Promise.all([1, 2, 3].map(() => openSocket(port, webSocketPath)));
    expect(sockets.map(({ status }) => status)).toEqual([101, 101, 101]);
  });
});
