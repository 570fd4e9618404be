/** How plain WebSockets end: silent, hostile or over a limit, each alone. slow.test.ts has the slow ones. */
import { describe, expect, it } from 'vitest';
import { frame } from '../support/clients/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

/** A handshake for `/stream`. */
const plain = { path: '/stream', query: '' };

describe('a silent plain client', () => {
  it('[PW6] stays if it answers pings, is disconnected if it does not, and has its own pings answered', async () => {
    const under = await startReplica({ PING_INTERVAL_MS: '300', PING_TIMEOUT_MS: '300' }, { speed: 4 });
    const alive = under.stream('/stream');
    const dead = await under.raw(plain);
    expect(await dead.ended(5_000)).toBe('cut');
    await until(() => alive.pings() >= 3);
    expect(alive.socket.readyState).toBe(alive.socket.OPEN);
    const ponged = new Promise<string>((resolve) =>
      alive.socket.on('pong', (payload) => resolve(payload.toString())),
    );
    alive.socket.ping('are you there');
    expect(await ponged).toBe('are you there');
  });
});

describe('a hostile plain client', () => {
  it('[PW5][CN3][LM1] is closed after a bad frame, with its status, or disconnected after a flood, and only that client', async () => {
    const under = await startReplica({ MAX_MESSAGE_BYTES: '2048' });
    const honest = under.stream('/stream/BTC-USD');
    await honest.seen('tick');
    for (const [name, bytes, code] of [
      ['a message over MAX_MESSAGE_BYTES', frame('A'.repeat(2_049)), 1009],
      ['text that is not UTF-8', frame(Buffer.from([0xff, 0xfe])), 1007],
      ['a frame without a mask', frame('A', { masked: false }), 1002],
      ['a reserved bit', frame('A', { rsv: 4 }), 1002],
      ['a fragment without a start', frame('A', { opcode: 0 }), 1002],
    ] as const) {
      const hostile = await under.raw(plain);
      hostile.tcp.write(bytes);
      expect([name, await hostile.ended()]).toEqual([name, code]);
      hostile.close();
    }
    const flooding = await under.raw(plain);
    flooding.send(...Array.from({ length: 2_000 }, () => 'A'));
    await until(() => flooding.isGone());
    expect(await under.metric('tickwire_connections_cut_total', 'reason="flood"')).toBe(1);
    await honest.seen('tick', honest.ticks().length + 5);
    await until(async () => (await under.metric('socket_connections_active')) === 1);
    expect(honest.faults()).toEqual([]);
  });

  it('[PW5][LM4][LM6] receives an error per call beyond a limit, and keeps its symbols', async () => {
    const under = await startReplica({ MAX_CALLS_PER_SECOND: '2', MAX_SUBSCRIPTIONS: '2' });
    const client = under.stream('/stream/A');
    await client.seen('subscribed');
    client.send('B,C');
    await client.seen('error');
    expect(client.of('error')[0]).toMatchObject({ name: 'too_many_subscriptions', symbols: ['A'] });
    for (let call = 0; call < 60; call++) client.send('B');
    await until(() => client.of('error').some(({ name }) => name === 'too_many_calls'));
    await until(() => client.of('subscribed').length + client.of('error').length === 62);
    expect(client.of('subscribed').at(-1)).toMatchObject({ symbols: ['A', 'B'] });
  });
});
