/** A cluster of its own for one test or one file: Redis, replicas and Nginx as processes. */
import { afterAll, beforeAll, beforeEach, onTestFinished, type TestContext } from 'vitest';
import { startCluster, type Cluster, type ClusterOptions } from '../support/processes/start-cluster.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
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

/** Settings with which another replica leads within a second and a half of a kill. */
export const shortLease = { LEASE_BEAT_MS: '250', LEASE_DEADLINE_MS: '700', LEASE_TTL_MS: '1000' };

/** A cluster that ends with the test. */
export async function startClusterUnderTest(options: ClusterOptions = {}): Promise<ClusterUnderTest> {
  const cluster = await start(options);
  onTestFinished(async ({ task }) => {
    writeLogsOfFailed(task, cluster);
    await cluster.stop();
  });
  return underTest(cluster);
}

/**
 * A cluster that all tests of this file share, and a function that returns it. Each test begins when the cluster is healthy:
 * replicas that a test before ended are started again.
 */
export function startClusterForFile(options: ClusterOptions = {}): () => ClusterUnderTest {
  let cluster: Cluster | null = null;
  const running = (): Cluster => {
    if (cluster === null) throw new Error('The cluster of this file is not started yet.');
    return cluster;
  };
  beforeAll(async () => {
    cluster = await start(options);
  });
  afterAll(() => cluster?.stop());
  beforeEach(async () => {
    await heal(running());
    onTestFinished(({ task }) => writeLogsOfFailed(task, running()));
  });
  return () => underTest(running());
}

/** Fast prices, short drains, one symbol to push, and an API key; replicas log what they would log for an operator. */
function start(options: ClusterOptions): Promise<Cluster> {
  return startCluster({
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
}

function underTest(cluster: Cluster): ClusterUnderTest {
  return {
    ...cluster,
    connect: (clientOptions, url = cluster.url) => {
      const recorder = createRecorder(url, clientOptions);
      onTestFinished(() => recorder.close());
      return recorder;
    },
    leader: () => leaderOf(cluster),
  };
}

/** The replica that says that it leads. Rejects after ten seconds without one. */
export function leaderOf({ replicas }: Cluster): Promise<Cluster['replicas'][number]> {
  return until(
    async () => {
      for (const replica of replicas) {
        const health = await healthOf(replica.url).catch(() => null);
        if (health?.leader.me === true) return replica;
      }
      return null;
    },
    { withinMs: 10_000 },
  );
}

/** Starts ended replicas and resolves when every replica is ready and knows all others and the leader. */
async function heal({ replicas }: Cluster): Promise<void> {
  const isWell = async ({ url }: Cluster['replicas'][number]): Promise<boolean> => {
    const { ready, leader } = await healthOf(url);
    return ready && leader.node !== null && (await nodesKnownTo(url)).length === replicas.length;
  };
  await until(
    async () => {
      // A replica that drains ends by itself while this waits.
      await Promise.all(replicas.filter((one) => !one.running()).map((one) => one.restart()));
      const well = await Promise.all(replicas.map((replica) => isWell(replica).catch(() => false)));
      return !well.includes(false);
    },
    { withinMs: 30_000, saw: () => Promise.all(replicas.map(({ url }) => healthOf(url).catch(String))) },
  );
}

/** If the test failed, writes the last lines of every replica to stderr. */
export function writeLogsOfFailed(task: TestContext['task'], { replicas }: Cluster): void {
  if (task.result?.state !== 'fail') return;
  for (const { node, logs } of replicas)
    process.stderr.write(`--- ${node}\n${logs().slice(-40).join('\n')}\n`);
}

/** The names of the nodes that the replica lists; none if it does not answer with a list. */
export async function nodesKnownTo(url: string): Promise<string[]> {
  const answer = await fetch(`${url}/api/nodes`, { headers: { 'X-API-Key': apiKey } });
  const { nodes = [] } = (await answer.json()) as { nodes?: { node: string }[] };
  return nodes.map(({ node }) => node);
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
