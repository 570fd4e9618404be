/**
 * Clients that send without end, and read or do not: each is cut within a second, costs no memory to speak of, and a client
 * beside it notices nothing.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { floodPolling, floodWebSocket, openPolling, type Attack } from '../support/attackers.ts';
import { frame, joinRaw } from '../support/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { startReplicaProcess, type ReplicaProcess } from './replica-process.ts';

const maxGrowthMb = 50;
const cutWithinMs = 1_000;
let replica: ReplicaProcess;

beforeAll(async () => {
  replica = await startReplicaProcess();
});
afterEach(() => replica.unharmed());
afterAll(() => replica.stop());

/** Gives what an attack did against what is promised, in words. */
async function damageOf(attack: () => Promise<Attack>): Promise<string[]> {
  let seen: Attack = { isCut: false, afterMs: 0 };
  const growthMb = await replica.growthOf(async () => {
    seen = await attack();
  });
  return [
    ...(seen.isCut ? [] : ['still there']),
    ...(seen.afterMs > cutWithinMs ? [`after ${Math.round(seen.afterMs)} ms`] : []),
    ...(growthMb > maxGrowthMb ? [`${Math.round(growthMb)} MB more`] : []),
  ];
}

const call = frame('420["subscribe",["BTC-USD","AAPL"]]');
const unknown = frame('421["nothing"]');
const large = frame(`42["nothing","${'x'.repeat(131_000)}"]`);

describe('a hostile WebSocket [LM1]', () => {
  it.each<[string, { flood: Buffer; joins?: boolean; reads: boolean }]>([
    ['pings and does not read', { flood: frame('x'.repeat(100), { opcode: 9 }), reads: false }],
    ['pings and reads', { flood: frame('', { opcode: 9 }), reads: true }],
    ['sends pongs that nobody asked for', { flood: frame('', { opcode: 10 }), reads: true }],
    ['connects to what is not there and does not read', { flood: frame('40/unknown,'), reads: false }],
    ['connects to what is not there and reads', { flood: frame('40/unknown,'), reads: true }],
    ['connects again and again', { flood: frame('40'), reads: true }],
    ['joins and leaves', { flood: Buffer.concat([frame('41'), frame('40')]), joins: true, reads: true }],
    ['calls and does not read', { flood: call, joins: true, reads: false }],
    ['calls and reads', { flood: call, joins: true, reads: true }],
    ['calls what is not there and does not read', { flood: unknown, joins: true, reads: false }],
    ['sends events without an acknowledgement', { flood: frame('42["x"]'), joins: true, reads: true }],
    ['acknowledges what nobody asked', { flood: frame('431[]'), joins: true, reads: true }],
    ['sends large messages', { flood: large, joins: true, reads: true }],
    ['answers pings that nobody sent', { flood: frame('3'), reads: true }],
    ['sends nothing as fast as it can', { flood: frame('6'), reads: true }],
    [
      'sends empty fragments',
      {
        flood: Buffer.concat([
          frame('6', { fin: false }),
          ...Array.from({ length: 9_000 }, () => frame('', { opcode: 0, fin: false })),
          frame('', { opcode: 0 }),
        ]),
        reads: true,
      },
    ],
  ])('that %s is cut', async (_, options) => {
    expect(await damageOf(() => floodWebSocket(replica.port, options))).toEqual([]);
  });

  it('that probes without end while its session polls is cut', async () => {
    const attack = async () => {
      const { sid } = await openPolling(replica.url);
      const handshake = { query: `EIO=4&transport=websocket&sid=${sid}` };
      return floodWebSocket(replica.port, { flood: frame('2probe'), reads: false, handshake });
    };
    expect(await damageOf(attack)).toEqual([]);
  });

  it('is told why, where it reads, and counted', async () => {
    const line = 'tickwire_connections_cut_total{reason="flood"}';
    const before = await replica.metric(line);
    const socket = await joinRaw(replica.port);
    socket.send(...Array.from({ length: 1_300 }, () => '42["x"]'));
    expect(await socket.said('42["refused"')).toContain('"code":4204,"name":"too_many_packets"');
    await until(() => socket.isGone());
    expect(await replica.metric(line)).toBe(before + 1);
  });
});

describe('a WebSocket that was closed [LM3]', () => {
  it('and goes on sending is cut', async () => {
    const attack = () => floodWebSocket(replica.port, { flood: frame('42["x"]'), reads: true });
    expect(await damageOf(attack)).toEqual([]);
  });

  it('and says nothing is cut after two seconds', async () => {
    const socket = await joinRaw(replica.port);
    const startedAt = performance.now();
    socket.send('4abc');
    await until(() => socket.isGone());
    expect(performance.now() - startedAt).toBeGreaterThan(1_900);
  });
});

describe('a hostile polling client [LM1]', () => {
  const many = (packet: string): string[] => Array.from({ length: 400 }, () => packet);

  it.each<[string, { flood: string[]; reads: boolean }]>([
    ['connects to what is not there and does not poll', { flood: many('40/unknown,'), reads: false }],
    ['calls and does not poll', { flood: many('421["subscribe",["BTC-USD","AAPL"]]'), reads: false }],
    ['calls and polls', { flood: many('421["subscribe",["BTC-USD","AAPL"]]'), reads: true }],
    ['calls what is not there', { flood: many('421["nothing"]'), reads: false }],
    ['sends large messages', { flood: [`42["x","${'x'.repeat(130_000)}"]`], reads: true }],
    ['answers pings that nobody sent', { flood: many('3'), reads: true }],
  ])('that %s is cut', async (_, options) => {
    expect(await damageOf(() => floodPolling(replica.url, options))).toEqual([]);
  });
});
