/** The contract suite on a real redis-server; each home has a prefix of its own there. */
import { afterAll, beforeAll, vi } from 'vitest';
import { type RedisServer, startRedis } from '../support/processes/start-redis.ts';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { describeBackplane } from './backplane.contract.ts';
import { driveBackplane } from './backplane-driver.ts';

let redis: RedisServer;
let homes = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describeBackplane('redis', async (count, settings) => {
  const prefix = `contract-${++homes}`;
  const nodes = Array.from({ length: count }, (_, index) => {
    const node = `node-${index + 1}`;
    const log = createLog({ level: 'silent', node });
    return driveBackplane(
      createRedisBackplane({ ...settings, url: redis.url, prefix, node, log, clock: systemClock }),
      node,
    );
  });
  for (const node of nodes) {
    await vi.waitUntil(async () => (await node.state()).at === 'up', { timeout: 10_000, interval: 10 });
  }
  return {
    nodes,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
});
