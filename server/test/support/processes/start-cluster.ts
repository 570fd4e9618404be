/**
 * Starts the whole cluster as plain processes: a real redis-server, real replicas and a real Nginx in front. `npm run cluster`,
 * `npm run load`, the cluster tests and the benchmark use it. Prices are left to others.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assertPortFree, freePort } from './free-port.ts';
import type { Exit } from './start-child.ts';
import { type NginxOptions, type NginxServer, startNginx } from './start-nginx.ts';
import type { Program } from './start-program.ts';
import { type RedisOptions, type RedisServer, startRedis } from './start-redis.ts';
import { type ReplicaOptions, type ReplicaProcess, startReplica } from './start-replica.ts';
import { answersOk, until } from '../until.ts';

const frontDeadlineMs = 10_000;

/** Settings of one replica. `env` overrides the cluster's; the rest is as for `startReplica`. */
type ReplicaLaunch = Partial<Pick<ReplicaOptions, 'env' | 'wrap' | 'onLine'>>;

/** A program of the cluster that ended. */
export interface Part {
  readonly name: string;
  restart(): Promise<void>;
}

/** `host`, `port` and `tls` are those of Nginx. */
export interface ClusterOptions extends Pick<NginxOptions, 'host' | 'port' | 'tls'> {
  /** 2 by default. */
  replicas?: number;
  /** The metrics port of the first replica; the others count up from it. 0 takes free ports. Without it each replica uses its own port. */
  metricsPort?: number;
  /** Overrides the environment of this process: `{ UPDATE_INTERVAL: '50' }`. */
  env?: NodeJS.ProcessEnv;
  launchOf?: (node: string, redisUrl: string) => ReplicaLaunch | Promise<ReplicaLaunch>;
  redis?: Pick<RedisOptions, 'args' | 'dir'>;
  /** `{ shutdownTimeoutMs: 500 }` */
  nginx?: Partial<NginxOptions>;
  /** Receives one log file per program. */
  logFolder?: string;
  /** Fires with one line for each program that has started. */
  say?: (line: string) => void;
  /** Fires when a program of a started cluster ends and the cluster's owner did not end it. */
  onUnexpectedExit?: (part: Part, how: string) => void;
  /** When aborted, the start ends its programs and rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface Cluster {
  /** Nginx' port and URLs. `tlsUrl` is null without TLS. */
  readonly port: number;
  readonly url: string;
  readonly tlsUrl: string | null;
  /** The beginning of every key and channel of this cluster. */
  readonly redisPrefix: string;
  readonly redis: RedisServer;
  readonly nginx: NginxServer;
  /** r1, r2 and so on, the stopped ones too. */
  readonly replicas: ReplicaProcess[];
  /** Starts one more replica and reloads Nginx with it. */
  addReplica(): Promise<ReplicaProcess>;
  /** Ends everything in order: replicas drain, then Nginx ends, Redis last. Further calls return the first call's promise. */
  stop(): Promise<void>;
  /** Ends everything at once. */
  killAll(): Promise<void>;
}

/**
 * Starts a cluster and resolves when it answers through Nginx. Rejects with a sentence for people, or with the last log lines
 * of the program that failed; then nothing is left running. All programs end when this process ends.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { replicas: count = 2, host = '127.0.0.1', port, tls, metricsPort, logFolder, say, signal } = options;
  // Before anything is started.
  for (const own of [port, tls?.port]) if (own !== undefined) await assertPortFree(own, host);
  if (metricsPort) for (let n = 0; n < count; n++) await assertPortFree(metricsPort + n, '127.0.0.1');
  if (logFolder !== undefined) await mkdir(logFolder, { recursive: true });
  const redisPrefix = `tickwire-${randomBytes(4).toString('hex')}`;

  let redis: RedisServer | null = null;
  let nginx: NginxServer | null = null;
  const replicas: ReplicaProcess[] = [];
  let launched = 0;
  /** Ends during the start are reported after it, and never when the start fails. */
  let earlyEnds: (() => void)[] | null = [];
  let stopping: Promise<void> | null = null;

  const logFile = (name: string): string | undefined => logFolder && join(logFolder, `${name}.log`);

  function onExitOf(name: string, find: () => Program | null | undefined) {
    return ({ code, signal: endSignal }: Exit): void => {
      const report = (): void =>
        options.onUnexpectedExit?.(
          { name, restart: async () => find()?.restart() },
          `ended with ${endSignal ?? `code ${code}`}`,
        );
      if (earlyEnds !== null) earlyEnds.push(report);
      else if (stopping === null) report();
    };
  }

  async function launch(redisUrl: string): Promise<ReplicaProcess> {
    launched += 1;
    const node = `r${launched}`;
    const ownMetricsPort = metricsPort ? metricsPort + launched - 1 : metricsPort === 0 && (await freePort());
    const { env, ...own } = (await options.launchOf?.(node, redisUrl)) ?? {};
    const replica = await startReplica({
      ...own,
      node,
      port: await freePort(),
      env: {
        LOG_LEVEL: 'info',
        ...process.env,
        ...options.env,
        BACKPLANE: 'redis',
        REDIS_URL: redisUrl,
        REDIS_PREFIX: redisPrefix,
        TRUST_PROXY: '1',
        // Replicas of one machine cannot share the METRICS_PORT of this process.
        METRICS_PORT: String(ownMetricsPort || ''),
        ...env,
      },
      logFile: logFile(node),
      onExit: onExitOf(`replica ${node}`, () => replicas.find((other) => other.node === node)),
      signal,
    });
    replicas.push(replica);
    say?.(`replica ${node} at ${replica.url} (process ${replica.pid})`);
    return replica;
  }

  async function stopAll(): Promise<void> {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await nginx?.stop();
    await redis?.stop();
  }

  async function killAll(): Promise<void> {
    stopping ??= Promise.resolve();
    await Promise.all([
      ...replicas.map((replica) => replica.kill('SIGKILL')),
      nginx?.kill('SIGKILL'),
      redis?.stop(),
    ]);
    await nginx?.stop();
  }

  try {
    const store = await startRedis({
      ...options.redis,
      logFile: logFile('redis'),
      onExit: onExitOf('Redis', () => redis),
    });
    redis = store;
    say?.(`Redis at ${store.url} (process ${store.pid})`);
    const starts = await Promise.allSettled(Array.from({ length: count }, () => launch(store.url)));
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    replicas.sort((a, b) => a.node.localeCompare(b.node, 'en', { numeric: true }));
    signal?.throwIfAborted();

    const front = await startNginx({
      ...options.nginx,
      port,
      tls,
      host,
      replicas,
      logFile: logFile('nginx'),
      onExit: onExitOf('Nginx', () => nginx),
    });
    nginx = front;
    await until(() => answersOk(`${front.url}/health`), {
      withinMs: frontDeadlineMs,
      signal,
      otherwise: () => `/health does not answer through Nginx:\n${front.logs().slice(-15).join('\n')}`,
    });
    say?.(`Nginx at ${front.url} (process ${front.pid})`);
    const ends = earlyEnds;
    earlyEnds = null;
    for (const report of ends) report();

    return {
      port: front.port,
      url: front.url,
      tlsUrl: front.tlsUrl,
      redisPrefix,
      redis: store,
      nginx: front,
      replicas,
      addReplica: async () => {
        const replica = await launch(store.url);
        await front.setReplicas(replicas);
        return replica;
      },
      stop: () => (stopping ??= stopAll()),
      killAll,
    };
  } catch (error) {
    await killAll();
    throw error;
  }
}
