/**
 * Two clusters of the same parts: two replicas, Redis and our Nginx. `ours` is the built server as `npm run cluster` starts it;
 * `stock` is Socket.IO with the Redis adapter. Both take their prices over HTTP at one replica.
 */
import { startCluster } from '../../test/support/processes/start-cluster.ts';
import { startNginx } from '../../test/support/processes/start-nginx.ts';
import { startRedis } from '../../test/support/processes/start-redis.ts';
import type { Tick } from '../../protocol/index.ts';
import type { Bench, Server } from '../experiments/bench.ts';
import { someGen } from './peer.ts';

/** A price on its way in, before it has a generation and a seq. */
export type Price = Required<Pick<Tick, 'symbol' | 'price' | 'size' | 'ts'>>;

/** The parts of a cluster whose processor time is measured. */
export const parts = ['replicas', 'Redis', 'Nginx'] as const;
type Part = (typeof parts)[number];

/**
 * A cluster that runs, until `close`: clients connect through Nginx, prices enter by `push`, which rejects if they
 * were not accepted.
 */
export interface ClusterPeer {
  readonly name: 'ours' | 'stock';
  /** Of Nginx. */
  readonly port: number;
  /** Brings one price of each symbol in; the ticks get this seq. Resolves when they were taken. */
  push(prices: readonly Price[], seq: number): Promise<void>;
  /** Its processes, by what they are. */
  readonly parts: Readonly<Record<Part, readonly number[]>>;
  close(): Promise<void>;
}

const replicas = 2;
const apiKey = 'dummy-key-of-bench';

/** Resolves when all of it is ready. No price comes but by `push`, whose answer must have the seq that was expected. */
export async function startOurCluster(symbols: readonly string[]): Promise<ClusterPeer> {
  const cluster = await startCluster({
    replicas,
    env: { NODE_ENV: 'production', FEEDS: `push:${symbols.join(',')}`, API_KEYS: apiKey, LOG_LEVEL: 'warn' },
  });
  const [first] = cluster.replicas;
  return {
    name: 'ours',
    port: cluster.port,
    push: async (prices, seq) => {
      const answer = await put(`${first?.url}/api/ticks`, prices, { 'X-API-Key': apiKey });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is not there is looked at as such
      const { ticks } = JSON.parse(answer) as { ticks?: { seq: number }[] };
      if (ticks?.length !== prices.length || ticks.some((tick) => tick.seq !== seq))
        throw new Error(`the push of seq ${seq} was answered ${answer.slice(0, 300)}`);
    },
    parts: {
      replicas: cluster.replicas.map(({ pid }) => pid),
      Redis: [cluster.redis.pid],
      Nginx: [cluster.nginx.pid],
    },
    close: () => cluster.stop(),
  };
}

/** Resolves when all of it is ready. Rejects if a part does not start; the others have ended then. */
export async function startStockCluster(
  { startServer }: Pick<Bench, 'startServer'>,
  symbols: readonly string[],
): Promise<ClusterPeer> {
  const redis = await startRedis();
  const servers: Server[] = [];
  const stop = async (): Promise<void> => {
    for (const server of servers) await server.close();
    await redis.stop();
  };
  try {
    for (let i = 0; i < replicas; i++)
      servers.push(await startServer({ peer: 'stock replica', symbols, redisUrl: redis.url }));
    const nginx = await startNginx({ replicas: servers.map(({ port }) => ({ host: '127.0.0.1', port })) });
    return {
      name: 'stock',
      port: nginx.port,
      push: async (prices, seq) => {
        const ticks = prices.map(({ symbol, price, ts, size }) => ({
          symbol,
          gen: someGen,
          seq,
          price,
          ts,
          size,
        }));
        await put(`http://127.0.0.1:${servers[0]?.port}/api/ticks`, ticks, {});
      },
      parts: { replicas: servers.map(({ pid }) => pid), Redis: [redis.pid], Nginx: [nginx.pid] },
      close: async () => {
        await nginx.stop();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function put(url: string, body: unknown, headers: Record<string, string>): Promise<string> {
  const response = await fetch(url, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${answer.slice(0, 300)}`);
  return answer;
}
