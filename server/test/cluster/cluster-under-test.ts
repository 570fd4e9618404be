/** A true cluster for one test file: Redis, replicas and Nginx as processes, ended with the test. */
import { onTestFinished } from 'vitest';
import { startCluster, type Cluster, type ClusterOptions } from '../support/start-cluster.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';

export const apiKey = 'dummy-key-1';

export interface Health {
  status: string;
  node: string;
  connections: number;
  ready: boolean;
  backplane: { kind: string; state: string };
  leader: { node: string | null; me: boolean; epoch: number };
  feed: { state: string; reason: string; sources: { name: string; symbols: string[] }[] };
}

export interface ClusterUnderTest extends Cluster {
  /** A stock client at that address, Nginx by default, that ends with the test. */
  connect(options?: Parameters<typeof createRecorder>[1], url?: string): Recorder;
  leader(): Promise<Cluster['replicas'][number]>;
}

/** Fast prices, short drains, one symbol to push, and an API key; replicas log what they would log for an operator. */
export async function startClusterUnderTest(options: ClusterOptions = {}): Promise<ClusterUnderTest> {
  const cluster = await startCluster({
    replicas: 3,
    ...options,
    env: {
      UPDATE_INTERVAL: '100',
      FEEDS: 'simulator,push:DEMO',
      API_KEYS: apiKey,
      DRAIN_MS: '1000',
      ...options.env,
    },
  });
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail')
      for (const { node, logs } of cluster.replicas)
        process.stderr.write(`--- ${node}\n${logs().slice(-40).join('\n')}\n`);
    await cluster.stop();
  });
  return {
    ...cluster,
    connect: (clientOptions, url = cluster.url) => {
      const recorder = createRecorder(url, clientOptions);
      onTestFinished(() => recorder.close());
      return recorder;
    },
    leader: () =>
      until(
        async () => {
          for (const replica of cluster.replicas) {
            const health = await healthOf(replica.url).catch(() => null);
            if (health?.leader.me === true) return replica;
          }
          return null;
        },
        { withinMs: 10_000 },
      ),
  };
}

export async function healthOf(url: string): Promise<Health> {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) });
  return (await response.json()) as Health;
}

/** Pushes as an outside program does. */
export function push(url: string, ticks: object[], headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/api/ticks`, {
    method: 'PUT',
    headers: { 'X-API-Key': apiKey, 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(ticks),
  });
}
