/**
 * Clients that send without end, reading or not: the replica disconnects each within a second, needs little memory for it, and a
 * client beside it notices nothing.
 */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { freePort } from '../support/processes/free-port.ts';
import { startRedis } from '../support/processes/start-redis.ts';
import { startReplica } from '../support/processes/start-replica.ts';
import { floodPolling, floodWebSocket, openPolling, type Attack } from '../support/clients/attackers.ts';
import { pollingAttacks, streamAttacks, webSocketAttacks } from '../support/clients/attacks.ts';
import { growthOf } from '../support/processes/memory.ts';
import { frame } from '../support/clients/raw-web-socket.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';

const maxGrowthMb = 50;
const cutWithinMs = 1_000;
let redis: Awaited<ReturnType<typeof startRedis>>;
let replica: Awaited<ReturnType<typeof startReplica>>;
let port: number;
let honest: Recorder;

beforeAll(async () => {
  redis = await startRedis();
  port = await freePort();
  replica = await startReplica({
    node: 'r1',
    port,
    env: {
      ...process.env,
      BACKPLANE: 'redis',
      REDIS_URL: redis.url,
      FEEDS: 'simulator:BTC-USD,AAPL,MSFT',
      UPDATE_INTERVAL: '20',
      LOG_LEVEL: 'warn',
    },
  });
  honest = createRecorder(replica.url, { transports: ['websocket'] });
  honest.follow(['BTC-USD']);
  await honest.seen('tick', 1, 20_000);
});
afterEach(async () => {
  const seen = honest.ticks().length;
  await until(() => honest.ticks().length > seen, { saw: () => replica.logs().slice(-5) });
  if (honest.faults().length > 0 || honest.hellos().length > 1)
    throw new Error(`harmed: ${honest.faults().join()}`);
});
afterAll(async () => {
  honest.close();
  await replica.stop();
  await redis.stop();
});

/** What an attack did beyond what is promised, in words. */
async function damageOf(attack: () => Promise<Attack>): Promise<string[]> {
  let seen: Attack = { isCut: false, afterMs: 0 };
  const [growthMb = 0] = await growthOf([replica.pid], async () => {
    seen = await attack();
  });
  return [
    ...(seen.isCut ? [] : ['still there']),
    ...(seen.afterMs > cutWithinMs ? [`after ${Math.round(seen.afterMs)} ms`] : []),
    ...(growthMb > maxGrowthMb ? [`${Math.round(growthMb)} MB more`] : []),
  ];
}

it.each(webSocketAttacks)('[LM1] disconnects a WebSocket that %s', async (_, options) => {
  expect(await damageOf(() => floodWebSocket(port, options))).toEqual([]);
});

it('[LM1] disconnects a WebSocket that probes without end while its session polls', async () => {
  const attack = async (): Promise<Attack> => {
    const { sid } = await openPolling(replica.url);
    const handshake = { query: `EIO=4&transport=websocket&sid=${sid}` };
    return floodWebSocket(port, { flood: frame('2probe'), reads: false, handshake });
  };
  expect(await damageOf(attack)).toEqual([]);
});

it('[LM3] disconnects a WebSocket that was closed and goes on sending', async () => {
  const attack = (): Promise<Attack> => floodWebSocket(port, { flood: frame('42["x"]'), reads: true });
  expect(await damageOf(attack)).toEqual([]);
});

it.each(streamAttacks)('[PW5][LM1] disconnects a plain WebSocket that %s', async (_, options) => {
  const handshake = { path: '/stream', query: '' };
  expect(await damageOf(() => floodWebSocket(port, { ...options, handshake }))).toEqual([]);
});

it.each(pollingAttacks)('[LM1] disconnects a polling client that %s', async (_, options) => {
  expect(await damageOf(() => floodPolling(replica.url, options))).toEqual([]);
});
