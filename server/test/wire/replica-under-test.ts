/** A replica in the test's own process, on a free port, with a backplane in memory. */
import { afterAll, afterEach, beforeAll, expect, onTestFinished } from 'vitest';
import type { SubscribeAck, SubscribeResult } from '../../protocol/index.ts';
import { parseConfig } from '../../src/config.ts';
import type { LogWindow } from '../../src/log/contract.ts';
import { createReplica, type Replica } from '../../src/replica.ts';
import { cut, type Connection } from '../../src/session/connection.ts';
import { systemClock, type Clock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { createMemoryBackplane, type MemoryBackplane } from '../support/stand-ins/memory-backplane.ts';
import {
  createPlainClient,
  type PlainClient,
  type PlainClientOptions,
} from '../support/clients/plain-client.ts';
import {
  openRawWebSocket,
  type HandshakeOptions,
  type RawWebSocket,
} from '../support/clients/raw-web-socket.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { jwtSecret } from '../support/stand-ins/tokens.ts';
import { until } from '../support/until.ts';

type ClientOptions = NonNullable<Parameters<typeof createRecorder>[1]>;

export interface ReplicaUnderTest {
  readonly url: string;
  readonly port: number;
  readonly replica: Replica;
  readonly backplane: MemoryBackplane;
  /** Every line that the replica logged, at all levels. */
  readonly logs: readonly string[];
  /** A Socket.IO client that is closed with the test. */
  connect(options?: ClientOptions): Recorder;
  /** A Socket.IO client over WebSocket that has received `hello` and `feed`. */
  join(options?: ClientOptions): Promise<Recorder>;
  /** A plain WebSocket client of that path, which is closed with the test. */
  stream(path: string, options?: PlainClientOptions): PlainClient;
  /** A WebSocket on a bare TCP socket, which is closed with the test. */
  raw(options?: HandshakeOptions): Promise<RawWebSocket>;
  /** Pushes prices as an outside program does; gives the HTTP status. */
  push(ticks: readonly object[]): Promise<number>;
  /** Pushes one price per symbol as soon as the replica leads. */
  price(prices: Record<string, string>): Promise<void>;
  /** Calls the HTTP API, with the API key unless `headers` are given. */
  api(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Response>;
  /** Moves the replica's wall clock forward; its timers and deadlines do not notice. */
  passTime(ms: number): void;
  /** A metric's value, summed over the lines that contain `label`; 0 if there is none. */
  metric(name: string, label?: string): Promise<number>;
}

interface Options {
  /** How many times as fast the replica's timers run, at the same ratios. Its settings for prices, leases and backends are not changed by it. */
  speed?: number;
  /** Gives a number in [0, 1). */
  random?: () => number;
  /** How much the store keeps of the log, unlike the replica. */
  storeWindow?: Partial<LogWindow>;
}

export const apiKey = 'dummy-key-1';
export const pollingPath = '/socket.io/?EIO=4&transport=polling';
export const webSocketPath = '/socket.io/?EIO=4&transport=websocket';
/** The settings of a replica whose clients sign in by `secretToken`. */
export const signIn = { AUTH_MODE: 'jwt', JWT_SECRET: jwtSecret };

/** Settings in milliseconds that the replica's own timers read, with their values in a test. */
const timed = {
  UPDATE_INTERVAL: 20,
  LEASE_BEAT_MS: 500,
  LEASE_DEADLINE_MS: 1_400,
  LEASE_TTL_MS: 2_000,
  BACKEND_TIMEOUT_MS: 5_000,
};

const clockOf = (speed: number, passedMs: () => number): Clock => ({
  now: () => systemClock.now() + passedMs(),
  monotonic: () => systemClock.monotonic() * speed,
  after: (ms, callback) => systemClock.after(ms / speed, callback),
  every: (ms, callback) => systemClock.every(ms / speed, callback),
});

/** A symbol's result in the answer; throws if the symbol was refused. */
export function resultOf(answer: SubscribeAck, symbol: string): SubscribeResult & { ok: true } {
  const result = answer.ok ? answer.results[symbol] : undefined;
  if (result?.ok !== true) throw new Error(JSON.stringify(answer));
  return result;
}

/** Symbols A, B and C are pushed, BTC-USD is simulated every 20 ms, unless `env` says otherwise. Ends with the test. */
export async function startReplica(
  env: Record<string, string> = {},
  options: Options = {},
): Promise<ReplicaUnderTest> {
  const under = await createUnderTest(env, options);
  onTestFinished(() => end(under));
  return under;
}

/** One replica for all tests of the file or block. Its tests use their own symbols and users. */
export function shareReplica(env: Record<string, string> = {}, options: Options = {}): ReplicaUnderTest {
  const shared = {} as ReplicaUnderTest;
  beforeAll(async () => {
    Object.assign(shared, await createUnderTest(env, options));
  });
  afterAll(() => end(shared));
  return shared;
}

/** Closes the replica. It does not wait for clients that a test left behind. */
async function end({ replica }: ReplicaUnderTest): Promise<void> {
  const connections = Reflect.get(replica.io.engine, 'clients') as Record<string, Connection>;
  for (const connection of Object.values(connections)) cut(connection);
  await replica.close({ withinMs: 1 });
}

/** A client of the shared replica that follows BTC-USD. After each test, it must still receive every tick on its first connection. */
export function shareBystander(replica: ReplicaUnderTest): { unharmed(): Promise<void> } {
  let bystander: Recorder;
  const unharmed = async (): Promise<void> => {
    await bystander.seen('tick', bystander.ticks().length + 1);
    expect([bystander.faults(), bystander.hellos().length]).toEqual([[], 1]);
  };
  beforeAll(async () => {
    bystander = createRecorder(replica.url, { transports: ['websocket'] });
    bystander.follow(['BTC-USD']);
    await bystander.seen('tick');
  });
  afterEach(unharmed);
  afterAll(() => bystander.close());
  return { unharmed };
}

async function createUnderTest(
  env: Record<string, string>,
  { speed = 1, random = Math.random, storeWindow = {} }: Options,
): Promise<ReplicaUnderTest> {
  const times = Object.entries<string | number>({ ...timed, ...env }).map(([name, value]) => [
    name,
    name in timed ? String(Number(value) * speed) : String(value),
  ]);
  const parsed = parseConfig(
    {
      PORT: '0',
      HOST: '127.0.0.1',
      FEEDS: 'push:A,B,C;simulator:BTC-USD',
      API_KEYS: apiKey,
      ...Object.fromEntries(times),
    },
    'test',
  );
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const backplane = createMemoryBackplane('test', { ...parsed.config.logWindow, ...storeWindow });
  const logs: string[] = [];
  let passedMs = 0;
  const replica = createReplica({
    config: parsed.config,
    backplane,
    log: createLog({ level: 'trace', node: 'test', destination: { write: (line) => void logs.push(line) } }),
    clock: clockOf(speed, () => passedMs),
    random,
    clientRoot: '/nonexistent',
  });
  replica.start();
  const port = await replica.listen();
  const url = `http://127.0.0.1:${port}`;

  const connect = (options?: ClientOptions): Recorder => {
    const recorder = createRecorder(url, options);
    onTestFinished(() => recorder.close());
    return recorder;
  };
  const api: ReplicaUnderTest['api'] = (method, path, body, headers = { 'X-API-Key': apiKey }) =>
    fetch(`${url}/api/${path}`, {
      method,
      headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  const push = async (ticks: readonly object[]): Promise<number> => (await api('PUT', 'ticks', ticks)).status;
  return {
    url,
    port,
    replica,
    backplane,
    logs,
    connect,
    join: async (options) => {
      const client = connect({ transports: ['websocket'], ...options });
      await client.seen('feed');
      return client;
    },
    stream: (path, options) => {
      const client = createPlainClient(url, path, options);
      onTestFinished(() => client.close());
      return client;
    },
    raw: async (options) => {
      const socket = await openRawWebSocket(port, options);
      onTestFinished(() => socket.close());
      return socket;
    },
    push,
    price: async (prices) => {
      const ticks = Object.entries(prices).map(([symbol, price]) => ({ symbol, price }));
      await until(async () => (await push(ticks)) === 200);
    },
    api,
    passTime: (ms) => void (passedMs += ms),
    metric: async (name, label = '') => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return text
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    },
  };
}
