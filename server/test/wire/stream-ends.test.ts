/** How plain WebSockets end: slow, silent, hostile or sent away, each as a Socket.IO client would, and only itself. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Tick } from '../../protocol/index.ts';
import { ageOf, figureOf, part } from '../faults/measures.ts';
import { floodWebSocket } from '../support/attackers.ts';
import { createMergeCheck } from '../support/merge-check.ts';
import { createPlainClient } from '../support/plain-client.ts';
import { frame, openRawWebSocket } from '../support/raw-web-socket.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

/** 2,000 ticks a second. */
const symbols = Array.from({ length: 100 }, (_, index) => `S${index + 1}-USD`);
const fed = { FEEDS: `simulator:${symbols.join(',')}`, UPDATE_INTERVAL: '50' };
const all = `/stream?symbols=${symbols.join(',')}`;

const cuts = ({ url }: ReplicaUnderTest, reason: string): Promise<number> =>
  figureOf(url, 'tickwire_connections_cut_total', `reason="${reason}"`);

const portOf = ({ url }: ReplicaUnderTest): number => Number(new URL(url).port);

describe('a plain client that takes too little', () => {
  it.each([0, 250])('[PW5][SL1][SL2] gets fresh values at %i ms, each honestly merged', async (everyMs) => {
    const under = await startReplica(fed);
    const merges = createMergeCheck();
    const whole = under.stream(all);
    whole.socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Tick & { type: string };
      if (message.type === 'tick') merges.whole(message);
    });
    await whole.seen('tick', 100);
    const line = await startTcpProxy({ to: portOf(under) });
    onTestFinished(() => line.close());
    // Less than a third of what there is to read.
    line.suffer('down', { bytesPerSecond: everyMs === 0 ? 40_000 : 20_000 });
    const client = createPlainClient(`http://127.0.0.1:${line.port}`, `${all}&everyMs=${everyMs}`);
    onTestFinished(() => client.close());
    const ages: { at: number; ms: number }[] = [];
    client.socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Tick & { type: string };
      if (message.type !== 'tick') return;
      ages.push({ at: performance.now(), ms: ageOf(message) });
      merges.merged(message, 'plain');
    });
    // Until then there is what was on its way before the line was known.
    const steadyAt = (): number => (ages[0]?.at ?? Infinity) + 3_000;
    const steady = (): number[] => ages.filter(({ at }) => at > steadyAt()).map(({ ms }) => ms);
    const enough = everyMs === 0 ? 500 : 200;
    await until(() => steady().length > enough, { withinMs: 20_000, saw: () => ages.length });
    expect(merges.faults()).toEqual([]);
    expect(merges.compared()).toBeGreaterThan(100);
    expect([...client.faults(), ...whole.faults()]).toEqual([]);
    expect(part(steady(), 1)).toBeLessThan(1_000 + everyMs);
  });

  it('[PW5][SL3] is cut after SLOW_CLIENT_MS when it takes nothing, and others do not notice', async () => {
    const under = await startReplica({ ...fed, SLOW_CLIENT_MS: '1000' });
    const [other, deaf] = [under.stream(all), under.stream(all)];
    await Promise.all([other.seen('tick', 1_000), deaf.seen('tick', 1_000)]);
    deaf.socket.pause();
    const from = performance.now();
    await until(async () => (await cuts(under, 'slow')) === 1, { saw: () => cuts(under, 'slow') });
    expect(performance.now() - from).toBeGreaterThan(900);
    await other.seen('tick', other.ticks().length + 1_000);
    deaf.socket.resume();
    await deaf.closed();
    expect(other.faults()).toEqual([]);
    expect(await figureOf(under.url, 'socket_connections_active')).toBe(1);
  });
});

describe('a plain client that is silent', () => {
  it('[PW6] is asked, stays where it answers, and is cut where it does not', async () => {
    const under = await startReplica({ PING_INTERVAL_MS: '300', PING_TIMEOUT_MS: '300' });
    const alive = under.stream('/stream');
    // Reads and answers nothing.
    const dead = await openRawWebSocket(portOf(under), { path: '/stream', query: '' });
    onTestFinished(() => dead.close());
    expect(await dead.ended(5_000)).toBe('cut');
    await until(() => alive.pings() >= 3, { withinMs: 10_000 });
    expect(alive.socket.readyState).toBe(alive.socket.OPEN);
  });

  it('[PW6] has its own pings answered', async () => {
    const under = await startReplica();
    const client = under.stream('/stream');
    await client.seen('hello');
    const ponged = new Promise<string>((resolve) =>
      client.socket.on('pong', (payload) => resolve(payload.toString())),
    );
    client.socket.ping('are you there');
    expect(await ponged).toBe('are you there');
  });
});

describe('a hostile plain client', () => {
  // Who does not read its pongs is ended by ws before it is counted here.
  it.each<[string, number, { flood: Buffer; reads: boolean }]>([
    ['sends messages and reads', 1, { flood: frame('A'), reads: true }],
    ['sends messages and does not read', 1, { flood: frame('A,B,C'), reads: false }],
    ['pings and does not read', 0, { flood: frame('x'.repeat(100), { opcode: 9 }), reads: false }],
    ['sends pongs that nobody asked for', 1, { flood: frame('', { opcode: 10 }), reads: true }],
    ['sends large messages', 1, { flood: frame('A'.repeat(131_000)), reads: true }],
  ])('[PW5][LM1] that %s is cut, and only itself', async (_, counted, options) => {
    const under = await startReplica();
    const honest = under.stream('/stream/BTC-USD');
    await honest.seen('tick');
    const handshake = { path: '/stream', query: '' };
    expect(await floodWebSocket(portOf(under), { ...options, handshake })).toMatchObject({ isCut: true });
    await until(async () => (await figureOf(under.url, 'socket_connections_active')) === 1);
    expect(await cuts(under, 'flood')).toBe(counted);
    await honest.seen('tick', honest.ticks().length + 5);
    expect(honest.faults()).toEqual([]);
  });

  it.each([
    ['a message over MAX_MESSAGE_BYTES', frame('A'.repeat(2_049)), 1009],
    ['text that is no UTF-8', frame(Buffer.from([0xff, 0xfe])), 1007],
    ['a frame without a mask', frame('A', { masked: false }), 1002],
    ['a reserved bit', frame('A', { rsv: 4 }), 1002],
    ['a fragment without a start', frame('A', { opcode: 0 }), 1002],
  ])('[PW5][CN3] %s ends its connection and no other', async (_, bytes, code) => {
    const under = await startReplica({ MAX_MESSAGE_BYTES: '2048' });
    const honest = under.stream('/stream/BTC-USD');
    await honest.seen('tick');
    const hostile = await openRawWebSocket(portOf(under), { path: '/stream', query: '' });
    onTestFinished(() => hostile.close());
    hostile.tcp.write(bytes);
    expect(await hostile.ended()).toBe(code);
    await honest.seen('tick', honest.ticks().length + 5);
    await until(async () => (await figureOf(under.url, 'socket_connections_active')) === 1);
  });

  it('[PW5][LM4][LM6] is told of calls and symbols too many, and keeps what it has', async () => {
    const under = await startReplica({ MAX_CALLS_PER_SECOND: '2', MAX_SUBSCRIPTIONS: '2' });
    const client = under.stream('/stream/A');
    await client.seen('subscribed');
    client.send('B,C');
    await client.seen('error');
    expect(client.of('error')[0]).toMatchObject({ name: 'too_many_subscriptions', symbols: ['A'] });
    for (let call = 0; call < 30; call++) client.send('B');
    await until(() => client.of('error').some(({ name }) => name === 'too_many_calls'));
    await until(() => client.of('subscribed').length + client.of('error').length === 32);
    expect(client.of('subscribed').at(-1)).toMatchObject({ symbols: ['A', 'B'] });
  });
});
