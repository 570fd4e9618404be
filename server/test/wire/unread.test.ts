/** Limits of what a connection sends and leaves unread. test/alone/hostile.test.ts measures what floods cost. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { openPolling } from '../support/clients/attackers.ts';
import { joinRaw } from '../support/clients/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

const megabyte = 'x'.repeat(1_048_576);
const cutTotal = 'tickwire_connections_cut_total';

describe('a client that sends too much', () => {
  it('[LM1] is told why if it reads, is disconnected, and is counted', async () => {
    const { port, metric } = await startReplica();
    const socket = await joinRaw(port);
    onTestFinished(() => socket.close());
    socket.send(...Array.from({ length: 2_000 }, () => '42["x"]'));
    expect(await socket.said('42["refused"')).toContain('"code":4204,"name":"too_many_packets"');
    await until(() => socket.isGone());
    expect(await metric(cutTotal, 'reason="flood"')).toBe(1);
  });

  it('[CL1][LM1] comes back by itself if it is a stock client', async () => {
    const { connect } = await startReplica({ MAX_PACKETS_PER_SECOND: '10', MAX_MESSAGE_BYTES: '2048' });
    const client = connect({ transports: ['websocket'], reconnectionDelay: 50 });
    await client.seen('hello');
    for (let sent = 0; sent < 200; sent++) client.socket.emit('subscribe', ['A']);
    await client.seen('refused');
    expect(client.of('refused')[0]).toMatchObject({ name: 'too_many_packets', retry: 'later' });
    await client.seen('hello', 2);
    expect(await client.subscribe(['A'])).toMatchObject({ ok: true, symbols: ['A'] });
  });

  it('[LM3] is disconnected 2 s after a close that it does not answer', async () => {
    const speed = 4;
    const { port } = await startReplica({}, { speed });
    const socket = await joinRaw(port);
    onTestFinished(() => socket.close());
    const startedAt = performance.now();
    socket.send('4abc');
    await until(() => socket.isGone());
    expect(performance.now() - startedAt).toBeGreaterThan(1_900 / speed);
  });
});

describe('a client that does not read', () => {
  it('[LM2] is disconnected over a WebSocket when too much is unread, and only that client', async () => {
    const { port, replica, connect, metric } = await startReplica();
    const honest = connect({ transports: ['websocket'] });
    honest.follow(['BTC-USD']);
    await honest.seen('tick');
    const stuck = await joinRaw(port);
    onTestFinished(() => stuck.close());
    stuck.tcp.pause();
    const socket = [...replica.io.sockets.sockets.values()].find(({ id }) => id !== honest.socket.id);
    // The network takes some of it.
    for (let sent = 0; sent < 16; sent++)
      socket?.emit('refused', { code: 1, name: megabyte, message: '', retry: 'now' });
    await until(() => socket?.connected === false);
    expect(await metric(cutTotal, 'reason="unread"')).toBe(1);
    await honest.seen('tick', honest.ticks().length + 5);
    expect([honest.faults(), honest.hellos().length]).toEqual([[], 1]);
  });

  it('[LM2] is disconnected over polling when too much is unread', async () => {
    const { url, replica, metric } = await startReplica();
    const stuck = await openPolling(url);
    onTestFinished(() => stuck.close());
    await stuck.post('40');
    await until(() => replica.io.sockets.sockets.size === 1);
    replica.io.emit('refused', { code: 1, name: megabyte + megabyte, message: '', retry: 'now' });
    await until(() => replica.io.sockets.sockets.size === 0);
    expect(await metric(cutTotal, 'reason="unread"')).toBe(1);
  });

  it('[LM5] delays the answers to its calls, and gets each once and in order when it reads', async () => {
    const { url, replica } = await startReplica();
    const client = await openPolling(url);
    onTestFinished(() => client.close());
    await client.post('40');
    await until(() => replica.io.sockets.sockets.size === 1);
    const count = 400;
    const list = JSON.stringify(['A', 'B', 'C', 'NOPE', 'NOPE2', 'NOPE3']);
    await client.post(...Array.from({ length: count }, (_, id) => `42${id}["subscribe",${list}]`));
    const answers: number[] = [];
    let largest = 0;
    while (answers.length < count) {
      const text = await client.poll();
      largest = Math.max(largest, text.length);
      for (const packet of text.split('\x1e'))
        if (packet.startsWith('43')) answers.push(Number.parseInt(packet.slice(2), 10));
    }
    expect(answers).toEqual(Array.from({ length: count }, (_, id) => id));
    // 64 KB, and what one call adds to it.
    expect(largest).toBeLessThan(70_000);
  });
});
