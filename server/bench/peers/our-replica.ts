/** The peer `our replica`: one of a cluster as run.ts makes it, over a true Redis. Its prices come from its own sources. */
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.ts';
import { parseConfig } from '../../src/config.ts';
import { createReplica } from '../../src/replica.ts';
import { systemClock as clock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { patientLease, someGen, type Peer } from './peer.ts';
import type { StartRequest } from './server-calls.ts';

/** What a client that subscribes to thousands of symbols, page by page, may need. */
const wide = { MAX_SUBSCRIPTIONS: '10000', MAX_CALLS_PER_SECOND: '1000', MAX_PACKETS_PER_SECOND: '1000' };

/** Listens on a free port, and leads if no other replica does. Its `turn` throws. */
export async function createOurReplica({ symbols, redisUrl = '', settings }: StartRequest): Promise<Peer> {
  const node = `bench-${randomUUID().slice(0, 8)}`;
  const parsed = parseConfig(
    {
      PORT: '0',
      HOST: '127.0.0.1',
      BACKPLANE: 'redis',
      REDIS_URL: redisUrl,
      REDIS_PREFIX: 'bench',
      SYMBOLS: symbols.join(','),
      DRAIN_MS: '0',
      ...wide,
      ...patientLease,
      ...settings,
    },
    node,
  );
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const { config } = parsed;
  if (config.backplane.kind !== 'redis') throw new Error('the replica has no Redis');
  const log = createLog({ level: 'warn', node, destination: process.stderr });
  const replica = createReplica({
    config,
    backplane: createRedisBackplane({ ...config.backplane, node, log, clock }),
    log,
    clock,
    random: Math.random,
    clientRoot: '/nonexistent',
  });
  replica.start();
  return {
    port: await replica.listen(),
    gen: someGen,
    turn: () => {
      throw new Error('its prices are its own');
    },
  };
}
