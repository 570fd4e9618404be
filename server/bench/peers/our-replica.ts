/**
 * The peer `our replica`: one of a cluster as run.ts makes it, over a true Redis, with prices of the simulator where it
 * leads.
 */
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.ts';
import { parseConfig } from '../../src/config.ts';
import { createReplica } from '../../src/replica.ts';
import { systemClock as clock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { someGen, type Peer, type PeerOptions } from './peer.ts';

interface OurReplicaOptions extends PeerOptions {
  redisUrl?: string;
  intervalMs?: number;
}

/** Where everything shares few cores they stand still for seconds at times, and who leads must not change then. */
const patient = { LEASE_TTL_MS: '12000', LEASE_DEADLINE_MS: '10000' };
/** What a client that subscribes to thousands of symbols, page by page, may need. */
const wide = { MAX_SUBSCRIPTIONS: '10000', MAX_CALLS_PER_SECOND: '1000', MAX_PACKETS_PER_SECOND: '1000' };

/**
 * Listens on a free port, and leads where nobody else does. Its `turn` throws: the simulator makes a tick of each
 * symbol every `intervalMs` milliseconds.
 */
export async function createOurReplica(options: OurReplicaOptions): Promise<Peer> {
  const { symbols, redisUrl = '', intervalMs = 1_000 } = options;
  const node = `bench-${randomUUID().slice(0, 8)}`;
  const parsed = parseConfig(
    {
      PORT: '0',
      HOST: '127.0.0.1',
      BACKPLANE: 'redis',
      REDIS_URL: redisUrl,
      REDIS_PREFIX: 'bench',
      FEEDS: 'simulator',
      SYMBOLS: symbols.join(','),
      UPDATE_INTERVAL: String(intervalMs),
      DRAIN_MS: '0',
      ...wide,
      ...patient,
    },
    node,
  );
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const { config } = parsed;
  const { backplane: home } = config;
  if (home.kind !== 'redis') throw new Error('the replica has no Redis');
  const log = createLog({ level: 'warn', node, destination: process.stderr });
  const backplane = createRedisBackplane({ ...home, node, log, clock, ...config.store });
  const replica = createReplica({
    config,
    backplane,
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
