/** One true replica in the test's process, on a free port, over a backplane in memory. */
import { onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { createReplica, type Replica } from '../../src/replica.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { createMemoryBackplane, type MemoryBackplane } from '../support/memory-backplane.ts';
import { createPlainClient, type PlainClient, type PlainClientOptions } from '../support/plain-client.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';

export interface ReplicaUnderTest {
  readonly url: string;
  readonly replica: Replica;
  readonly backplane: MemoryBackplane;
  /** Every line that it logged, at all levels. */
  readonly logs: readonly string[];
  /** A client that ends with the test. */
  connect(options?: Parameters<typeof createRecorder>[1]): Recorder;
  /** A plain WebSocket client at that path, that ends with the test. */
  stream(path: string, options?: PlainClientOptions): PlainClient;
  /** Pushes prices as an outside program does; gives the HTTP status. */
  push(ticks: object[]): Promise<number>;
}

const apiKey = 'dummy-key-1';

/** Symbols A, B and C are pushed, BTC-USD is simulated every 20 ms; the environment may say otherwise. */
export async function startReplica(env: Record<string, string> = {}): Promise<ReplicaUnderTest> {
  const parsed = parseConfig(
    {
      PORT: '0',
      HOST: '127.0.0.1',
      FEEDS: 'push:A,B,C;simulator:BTC-USD',
      UPDATE_INTERVAL: '20',
      API_KEYS: apiKey,
      ...env,
    },
    'test',
  );
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const backplane = createMemoryBackplane('test', parsed.config.store);
  const logs: string[] = [];
  const replica = createReplica({
    config: parsed.config,
    backplane,
    log: createLog({ level: 'trace', node: 'test', destination: { write: (line) => void logs.push(line) } }),
    clock: systemClock,
    random: Math.random,
    clientRoot: '/nonexistent',
  });
  replica.start();
  const url = `http://127.0.0.1:${await replica.listen()}`;
  onTestFinished(() => replica.close());
  return {
    url,
    replica,
    backplane,
    logs,
    connect: (options) => {
      const recorder = createRecorder(url, options);
      onTestFinished(() => recorder.close());
      return recorder;
    },
    stream: (path, options) => {
      const client = createPlainClient(url, path, options);
      onTestFinished(() => client.close());
      return client;
    },
    push: async (ticks) => {
      const response = await fetch(`${url}/api/ticks`, {
        method: 'PUT',
        headers: { 'X-API-Key': apiKey, 'Content-Type': 'application/json' },
        body: JSON.stringify(ticks),
      });
      return response.status;
    },
  };
}
