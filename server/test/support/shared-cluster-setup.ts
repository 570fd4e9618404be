/** Vitest runs this once before the project `cluster`: it starts the one cluster that the test files share. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { pushSymbols } from './shared-cluster.ts';
import { startCluster } from './processes/start-cluster.ts';

/** Settings that many tests agree on. Limits of API calls are off, because files that run at once share one key. */
const env = {
  UPDATE_INTERVAL: '100',
  FEEDS: `simulator,push:${pushSymbols.join(',')}`,
  API_KEYS: 'dummy-key-1',
  API_CALLS_PER_SECOND: '0',
  DRAIN_MS: '1000',
};

/** Starts Redis, three replicas and Nginx; returns what stops them. */
export default async function startSharedCluster(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startCluster({ replicas: 3, env });
  const claims = mkdtempSync(join(tmpdir(), 'tickwire-claims-'));
  project.provide('sharedCluster', {
    url: cluster.url,
    redisUrl: cluster.redis.url,
    redisPrefix: cluster.redisPrefix,
    replicas: cluster.replicas.map(({ node, url, pid }) => ({ node, url, pid })),
    claims,
  });
  return async () => {
    await cluster.stop();
    rmSync(claims, { recursive: true });
  };
}
