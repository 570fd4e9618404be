/**
 * The whole cluster as plain processes: a real redis-server, true replicas and a real Nginx in front. What `npm run
 * cluster` shows, the cluster tests break and `npm run load` measures. Knows nothing of prices.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assertPortFree, freePort } from './free-port.mjs';
import { startNginx } from './nginx.mjs';
import { startRedis } from './redis-server.mjs';
import { startReplica } from './replica.mjs';
import { answersOk, until } from './until.mjs';

const frontDeadlineMs = 10_000;

/**
 * @typedef {object} ClusterOptions
 * @property {number} [replicas] 2 by default.
 * @property {number} [port] Of Nginx; a free one by default.
 * @property {import('./nginx.mjs').TlsOptions} [tls] Serves https and wss too.
 * @property {string} [host] Where Nginx listens: loopback by default, every address of the machine when empty.
 * @property {number} [metricsPort] Of the first replica's figures, the others' follow it; 0 takes free ones. Without it each tells them on its own port.
 * @property {NodeJS.ProcessEnv} [env] What replicas are told besides their own environment and ours: `{ UPDATE_INTERVAL: '50' }`.
 * @property {(node: string, redisUrl: string) => NodeLaunch | Promise<NodeLaunch>} [launchOf] What one replica is told besides, and by what it is run.
 * @property {Pick<import('./redis-server.mjs').RedisOptions, 'args' | 'dir'>} [redis] `{ args: ['--maxmemory', '4mb'] }`
 * @property {Partial<import('./nginx-conf.mjs').NginxOptions>} [nginx] `{ shutdownTimeoutMs: 500 }`
 * @property {string} [logFolder] Gets a file per program; its lines are kept in memory anyway, the last ones.
 * @property {(line: string) => void} [say] Told of each program that has started.
 * @property {(part: Part, how: string) => void} [onUnexpectedExit] Fires when a program of a started cluster ends and nobody here asked for it.
 * @property {AbortSignal | undefined} [signal] Gives up the start, ends what was started and rejects with the signal's reason.
 */

/** @typedef {{ env?: NodeJS.ProcessEnv, wrap?: readonly string[], onLine?: (line: string) => void }} NodeLaunch `env` wins over ours; the rest is as for `startReplica`. */

/** @typedef {{ name: string, restart: () => Promise<void> }} Part */

/**
 * @typedef {object} Cluster
 * @property {number} port Of Nginx.
 * @property {string} url Of Nginx.
 * @property {string | null} tlsUrl Of Nginx, where it serves TLS.
 * @property {string} redisPrefix What every key and channel of this cluster begins with.
 * @property {import('./redis-server.mjs').RedisServer} redis
 * @property {import('./nginx.mjs').NginxServer} nginx
 * @property {import('./replica.mjs').ReplicaProcess[]} replicas r1, r2 and so on, also those that are stopped at the moment.
 * @property {() => Promise<import('./replica.mjs').ReplicaProcess>} addReplica Starts one more, and lets Nginx know by a reload.
 * @property {() => Promise<void>} stop Ends all in order: replicas drained, then Nginx, Redis last. Further calls give the first one's promise.
 * @property {() => Promise<void>} killAll Ends all at once.
 */

/**
 * Starts a cluster and resolves when it answers through Nginx. Rejects with a sentence for people, or with the last log
 * lines of what failed; then nothing is left running. All of it ends with this process, however that ends.
 *
 * @param {ClusterOptions} [options]
 * @returns {Promise<Cluster>}
 */
export async function startCluster(options = {}) {
  const {
    replicas: count = 2,
    host = '127.0.0.1',
    env = {},
    metricsPort,
    launchOf = /** @returns {NodeLaunch} */ () => ({}),
    logFolder,
    say,
    onUnexpectedExit,
    signal,
  } = options;
  // Before the rest is started for nothing.
  for (const port of [options.port, options.tls?.port])
    if (port !== undefined) await assertPortFree(port, host);
  if (metricsPort) for (let n = 0; n < count; n++) await assertPortFree(metricsPort + n, '127.0.0.1');
  if (logFolder !== undefined) await mkdir(logFolder, { recursive: true });
  const redisPrefix = `tickwire-${randomBytes(4).toString('hex')}`;

  /** @type {import('./redis-server.mjs').RedisServer | null} */
  let redis = null;
  /** @type {import('./nginx.mjs').NginxServer | null} */
  let nginx = null;
  /** @type {import('./replica.mjs').ReplicaProcess[]} */
  const replicas = [];
  let launched = 0;
  /** Ends before the start was done: of a start that fails nobody needs to know them. @type {(() => void)[] | null} */
  let earlyEnds = [];
  /** @type {Promise<void> | null} */
  let stopping = null;

  /** @param {string} name */
  const log = (name) => (logFolder === undefined ? {} : { logFile: join(logFolder, `${name}.log`) });

  /**
   * @param {string} name
   * @param {() => { restart: () => Promise<void> } | null | undefined} part
   * @returns {(exit: import('./child.mjs').Exit) => void}
   */
  const onExitOf = (name, part) => (exit) => {
    const how = `ended with ${exit.signal ?? `code ${exit.code}`}`;
    const tell = () => onUnexpectedExit?.({ name, restart: async () => part()?.restart() }, how);
    if (earlyEnds !== null) earlyEnds.push(tell);
    else if (stopping === null) tell();
  };

  /** @param {string} redisUrl */
  async function launch(redisUrl) {
    launched += 1;
    const node = `r${launched}`;
    const figuresPort = metricsPort ? metricsPort + launched - 1 : metricsPort === 0 ? await freePort() : '';
    const own = await launchOf(node, redisUrl);
    const replica = await startReplica({
      node,
      port: await freePort(),
      env: {
        LOG_LEVEL: 'info',
        ...process.env,
        ...env,
        BACKPLANE: 'redis',
        REDIS_URL: redisUrl,
        REDIS_PREFIX: redisPrefix,
        TRUST_PROXY: '1',
        // Replicas of one machine cannot share the one of our own environment.
        METRICS_PORT: String(figuresPort),
        ...own.env,
      },
      ...(own.wrap === undefined ? {} : { wrap: own.wrap }),
      ...(own.onLine === undefined ? {} : { onLine: own.onLine }),
      ...log(node),
      onExit: onExitOf(`replica ${node}`, () => replicas.find((other) => other.node === node)),
      signal,
    });
    replicas.push(replica);
    say?.(`replica ${node} at ${replica.url} (process ${replica.pid})`);
    return replica;
  }

  async function stopAll() {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await nginx?.stop();
    await redis?.stop();
  }

  async function killAll() {
    stopping ??= Promise.resolve();
    await Promise.all([
      ...replicas.map((replica) => replica.kill('SIGKILL')),
      nginx?.kill('SIGKILL'),
      redis?.stop(),
    ]);
    await nginx?.stop();
  }

  try {
    redis = await startRedis({ ...options.redis, ...log('redis'), onExit: onExitOf('Redis', () => redis) });
    say?.(`Redis at ${redis.url} (process ${redis.pid})`);
    const { url } = redis;
    const starts = await Promise.allSettled(Array.from({ length: count }, () => launch(url)));
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    replicas.sort((a, b) => a.node.localeCompare(b.node, 'en', { numeric: true }));
    signal?.throwIfAborted();

    nginx = await startNginx({
      ...options.nginx,
      ...(options.port === undefined ? {} : { port: options.port }),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      host,
      replicas,
      ...log('nginx'),
      onExit: onExitOf('Nginx', () => nginx),
    });
    const front = nginx;
    await until(() => answersOk(`${front.url}/health`), {
      withinMs: frontDeadlineMs,
      signal,
      otherwise: () => `/health does not answer through Nginx:\n${front.logs().slice(-15).join('\n')}`,
    });
    say?.(`Nginx at ${front.url} (process ${front.pid})`);
    const ends = earlyEnds;
    earlyEnds = null;
    for (const tell of ends) tell();

    return {
      port: front.port,
      url: front.url,
      tlsUrl: front.tlsUrl,
      redisPrefix,
      redis,
      nginx: front,
      replicas,
      addReplica: async () => {
        const replica = await launch(url);
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
