/** What waits for a connection to read is bounded: answers wait for it, and what does not is its end. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { openPolling } from '../support/attackers.ts';
import { joinRaw } from '../support/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

const megabyte = 'x'.repeat(1_048_576);

async function cuts(url: string, reason: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(
    new RegExp(`^tickwire_connections_cut_total{.*reason="${reason}".*} (\\d+)$`, 'm').exec(text)?.[1] ?? 0,
  );
}

describe('what a connection leaves unread', () => {
  it('[LM2] over a WebSocket is its end when it is too much, and only its own', async () => {
    const { url, replica, connect } = await startReplica();
    const honest = connect({ transports: ['websocket'] });
    honest.follow(['BTC-USD']);
    const stuck = await joinRaw(Number(new URL(url).port));
    onTestFinished(() => stuck.close());
    stuck.tcp.pause();
    const socket = [...replica.io.sockets.sockets.values()].find(({ id }) => id !== honest.socket.id);
    // The network takes some of it.
    for (let sent = 0; sent < 16; sent++)
      socket?.emit('refused', { code: 1, name: megabyte, message: '', retry: 'now' });
    await until(() => socket?.connected === false, { withinMs: 1_000 });
    expect(await cuts(url, 'unread')).toBe(1);
    await honest.seen('tick', honest.ticks().length + 5);
    expect([honest.faults(), honest.hellos().length]).toEqual([[], 1]);
  });

  it('[LM2] over polling is its end when it is too much', async () => {
    const { url, replica } = await startReplica();
    const stuck = await openPolling(url);
    onTestFinished(() => stuck.close());
    await stuck.post('40');
    await until(() => replica.io.sockets.sockets.size === 1);
    replica.io.emit('refused', { code: 1, name: megabyte + megabyte, message: '', retry: 'now' });
    await until(() => replica.io.sockets.sockets.size === 0, { withinMs: 1_000 });
    expect(await cuts(url, 'unread')).toBe(1);
  });

  it('[LM5] holds up the answers to its calls, and each comes once and in order when it reads', async () => {
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
