/** What clients see of a replica that leaves. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { refusedUpgrade } from '../support/clients/plain-client.ts';
import type { HandshakeOptions } from '../support/clients/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { pollingPath, startReplica, webSocketPath, type ReplicaUnderTest } from './replica-under-test.ts';

/** Keeps this replica believing that another one takes its clients. */
function haveElsewhere({ backplane }: ReplicaUnderTest): void {
  const tell = (): void => backplane.hear('node', { node: 'other', connections: 0, isLeaving: false });
  tell();
  const beat = setInterval(tell, 200);
  onTestFinished(() => clearInterval(beat));
}

describe('a replica that leaves', () => {
  it('[DR2] answers new handshakes 503 with Retry-After over every transport, and is not ready', async () => {
    const under = await startReplica({ DRAIN_MS: '15000' });
    haveElsewhere(under);
    await under.join();
    void under.replica.close();
    const problem = { code: 4502, name: 'draining', retry: 'now' };
    const refused = await fetch(under.url + pollingPath);
    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('connection')]).toEqual([
      503,
      '1',
      'close',
    ]);
    expect(await refused.json()).toMatchObject(problem);
    for (const path of [webSocketPath, '/stream/A'])
      expect(await refusedUpgrade(under.url, path)).toMatchObject({
        status: 503,
        headers: { 'retry-after': '1', 'content-type': 'application/problem+json' },
        problem,
      });
    expect((await fetch(`${under.url}/health/ready`)).status).toBe(503);
    expect(await (await fetch(`${under.url}/health`)).json()).toMatchObject({ status: 'draining' });
  });

  it('[DR2][DR3] closes polling sessions at once, the others one after another, and serves each until then', async () => {
    const under = await startReplica({ DRAIN_MS: '15000' }, { random: () => 0 });
    haveElsewhere(under);
    const clients = await Promise.all([1, 2, 3].map(() => under.join({ reconnection: false })));
    for (const client of clients) await client.subscribe(['A']);
    const plain = under.stream('/stream?symbols=BTC-USD');
    await plain.seen('tick');
    const polling = await under.join({ transports: ['polling'], reconnection: false });
    const ended = under.replica.close();
    await until(() => !polling.socket.connected);
    expect(polling.of('shutdown')).toHaveLength(1);
    for (const client of [...clients, plain]) await client.seen('shutdown');
    const told = clients.map((client) => client.of<{ reconnectInMs: number }>('shutdown')[0]?.reconnectInMs);
    expect(told).toEqual([0, 3_750, 7_500]);
    expect(plain.of('shutdown')).toMatchObject([{ reconnectInMs: 11_250 }]);
    await until(() => clients[0]?.socket.connected === false);
    expect(await clients[2]?.subscribe(['B'])).toMatchObject({ ok: true });
    void under.replica.close({ withinMs: 100 });
    await until(() => clients.every(({ socket }) => !socket.connected));
    expect((await plain.closed()).code).toBe(1001);
    await ended;
    expect([...clients, plain].flatMap((client) => client.faults())).toEqual([]);
  });

  it.each<[string, HandshakeOptions, string[]]>([
    ['Socket.IO', {}, ['40']],
    ['plain', { path: '/stream', query: '' }, []],
  ])('[DR4][PW7] cuts a %s peer that ignores its Close and reads nothing', async (_, options, join) => {
    const speed = 2;
    const { raw, replica } = await startReplica({ DRAIN_MS: '200' }, { speed });
    const peer = await raw(options);
    peer.send(...join);
    await until(() => peer.texts.some((text) => text.includes('"hello"')));
    peer.tcp.pause();
    const startedAt = performance.now();
    await replica.close();
    expect(performance.now() - startedAt).toBeLessThan(2_500 / speed);
    peer.tcp.resume();
    await until(() => peer.isGone());
  });
});
