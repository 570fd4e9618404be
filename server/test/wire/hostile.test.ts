/**
 * Clients that send without end, and read or do not: each is cut within a second, costs no memory to speak of, and a client
 * beside it notices nothing.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { floodPolling, floodWebSocket, openPolling, type Attack } from '../support/attackers.ts';
import { pollingAttacks, webSocketAttacks } from '../support/attacks.ts';
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

describe('a hostile WebSocket [LM1]', () => {
  it.each(webSocketAttacks)('that %s is cut', async (_, options) => {
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
  it.each(pollingAttacks)('that %s is cut', async (_, options) => {
    expect(await damageOf(() => floodPolling(replica.url, options))).toEqual([]);
  });
});
