/** One replica as a process with a Redis of its own, an honest client on it, and what both are seen to suffer. */
import { expect } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startRedis } from '../support/start-redis.ts';
import { startReplica } from '../support/start-replica.ts';
import { growthOf } from '../support/memory.ts';
import { createRecorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';

export interface ReplicaProcess {
  readonly url: string;
  readonly port: number;
  /** The most memory that it has held since then, over what it held then; in MB. */
  growthOf(attack: () => Promise<void>): Promise<number>;
  /** A counter's value at /metrics; 0 where it is not there yet. */
  metric(line: string): Promise<number>;
  /** Resolves when the honest client, there from the start, has had another tick, and nothing but ticks without a hole. */
  unharmed(): Promise<void>;
  stop(): Promise<void>;
}

/** BTC-USD and AAPL tick every 20 ms. Ends with `stop`. */
export async function startReplicaProcess(env: Record<string, string> = {}): Promise<ReplicaProcess> {
  const redis = await startRedis();
  const replica = await startReplica({
    node: 'r1',
    port: await freePort(),
    env: {
      ...process.env,
      BACKPLANE: 'redis',
      REDIS_URL: redis.url,
      FEEDS: 'simulator:BTC-USD,AAPL',
      UPDATE_INTERVAL: '20',
      LOG_LEVEL: 'warn',
      ...env,
    },
  });
  const honest = createRecorder(replica.url, { transports: ['websocket'] });
  honest.follow(['BTC-USD']);
  await honest.seen('tick', 1, 20_000);

  return {
    url: replica.url,
    port: replica.port,
    growthOf: async (attack) => (await growthOf([replica.pid], attack))[0] ?? 0,
    metric: async (line) => {
      const text = await (await fetch(`${replica.url}/metrics`)).text();
      const found = text.split('\n').find((one) => one.startsWith(line.replace(/}$/, '')));
      return Number(found?.split(' ').at(-1) ?? 0);
    },
    unharmed: async () => {
      const seen = honest.ticks().length;
      await until(() => honest.ticks().length > seen, { saw: () => replica.logs().slice(-5) });
      expect(honest.faults()).toEqual([]);
      expect(honest.hellos()).toHaveLength(1);
    },
    stop: async () => {
      honest.close();
      await replica.stop();
      await redis.stop();
    },
  };
}
