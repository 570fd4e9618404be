/**
 * What a process with a good configuration is: one replica of a cluster, or the primary of the embedded one and, in processes that the
 * primary forks, its workers. Ends with the signals, and with its replica.
 */
import cluster from 'node:cluster';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { createLocalBackplane } from './backplane/local/local-backplane.ts';
import { createLinesToPrimary, onLineOfWorkers } from './backplane/local/log-lines.ts';
import { createPrimary } from './backplane/local/primary.ts';
import { attachSticky, onDrain, tellLeaving, tellReady } from './backplane/local/worker.ts';
import type { Backplane } from './backplane/contract.ts';
import { createRedisBackplane } from './backplane/redis/redis-backplane.ts';
import type { Config } from './config.ts';
import { createReplica, type Replica, type ReplicaOptions } from './replica.ts';
import { systemClock as clock } from './support/clock.ts';
import type { LineWriter } from './support/line-queue.ts';
import { createLineWriter } from './support/line-writer.ts';
import { assertCanListen } from './support/listen.ts';
import { openLogFiles } from './support/log-files.ts';
import { createLog, type Log } from './support/log.ts';
import { createMetrics } from './support/metrics.ts';
import { createProcessMetrics } from './support/process-metrics.ts';
import { tee } from './support/tee.ts';

/** Ctrl-C reaches a child twice at once, from the terminal and from its parent; the second one within this many milliseconds is the same. */
const sameSignalMs = 500;

/** How long workers have to send their clients away when the primary ends, in milliseconds. */
const partingMs = 1_000;

interface Output {
  /** What is said to people beside the log. */
  output: LineWriter;
  /** The log. */
  lines: LineWriter;
}

/** Standard output, and the log's files where they are asked for. What ends this process does not wait for them. */
function openOutput({ logFiles, backplane }: Config): Output {
  const output = createLineWriter({ fd: 1, stream: process.stdout });
  const writers = [output];
  // Node itself warns there.
  process.stderr.on('error', () => {});
  if (logFiles !== null && backplane.kind === 'local' && cluster.isWorker)
    writers.push(createLinesToPrimary());
  else if (logFiles !== null) {
    const files = openLogFiles(logFiles);
    onLineOfWorkers((line) => files.write(line));
    writers.push(files);
  }
  const lines = tee(writers);
  process.once('exit', () => lines.flush());
  return { output, lines };
}

/** Ends in order at the first signal, and at once at a later one; `endChildren` is what that takes besides. */
function closeOnSignal(
  log: Log,
  close: () => Promise<void>,
  endChildren = (): Promise<void> => Promise.resolve(),
): void {
  let firstAt: number | null = null;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (firstAt === null) {
        firstAt = clock.monotonic();
        log.info({ signal }, 'closing');
        void close().then(() => process.exit(0));
      } else if (clock.monotonic() - firstAt > sameSignalMs) {
        log.warn({ signal }, 'ending at once');
        void endChildren().then(() => process.exit(1));
      }
    });
  }
}

function createThisReplica(
  config: Config,
  backplane: Backplane,
  log: Log,
  { onLeaving, droppedLines }: Pick<ReplicaOptions, 'onLeaving' | 'droppedLines'>,
) {
  const clientRoot = fileURLToPath(new URL('../../client', import.meta.url));
  return createReplica({
    config,
    backplane,
    log,
    clock,
    random: Math.random,
    clientRoot,
    ...(onLeaving && { onLeaving }),
    ...(droppedLines && { droppedLines }),
    onLeft: () => process.exit(0),
  });
}

/** One replica of a cluster that meets in Redis. */
async function runReplica(
  config: Config,
  { url, prefix }: { url: string; prefix: string },
  log: Log,
  lines: LineWriter,
): Promise<void> {
  const replica = createThisReplica(
    config,
    createRedisBackplane({ url, prefix, node: config.node, log, clock }),
    log,
    { droppedLines: () => lines.dropped() },
  );
  closeOnSignal(log, () => replica.close());
  await openMetrics(replica, log);
  replica.start();
  const port = await replica.listen();
  log.info({ port }, 'listening');
}

async function openMetrics(replica: Replica, log: Log): Promise<void> {
  const port = await replica.listenForMetrics();
  if (port !== null) log.info({ port }, 'figures are told');
}

/** One replica under the primary, which listens and signals for it; the port of figures is all workers' together. */
async function runWorker(config: Config, log: Log, lines: LineWriter): Promise<void> {
  const backplane = createLocalBackplane({ node: config.node, log, clock });
  const replica = createThisReplica(config, backplane, log, {
    onLeaving: tellLeaving,
    droppedLines: () => lines.dropped(),
  });
  // A signal to the group reaches the workers too; they go when the primary says so.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  attachSticky(replica.io);
  // The primary leaves with all of us: there is nobody to send clients to.
  onDrain(() => void replica.close({ withinMs: partingMs }));
  await openMetrics(replica, log);
  replica.start();
  tellReady();
}

/** The embedded cluster: this process listens and holds what the workers share. */
async function runPrimary(
  config: Config,
  workers: number,
  log: Log,
  { output, lines }: Output,
): Promise<void> {
  const { host, metricsPort } = config;
  // Said once, and not by each worker.
  if (metricsPort !== null) await assertCanListen({ host, port: metricsPort, setting: 'METRICS_PORT' });
  const metrics = createMetrics({ node: config.node });
  const primary = createPrimary({
    node: config.node,
    workers,
    port: config.port,
    host,
    ...config.logWindow,
    collect: () => metrics.collect(),
    onServer: (server) =>
      void createProcessMetrics({ metrics, clock, server, droppedLines: () => lines.dropped() }),
    log,
    clock,
  });
  closeOnSignal(
    log,
    () => primary.close(),
    () => primary.close({ now: true }),
  );
  const address = await primary.start();
  if (address === null) return;
  const shown = host.includes(':') ? `[${host}]` : host || 'localhost';
  output.write(`Tickwire is live at http://${shown}:${address.port}\n`);
}

/** What a process runs with. */
export interface RunOptions {
  config: Config;
  /** For the log, one line each. */
  warnings: readonly string[];
  /** Tells people, before the end of the process. */
  say: (lines: readonly string[]) => void;
}

/** Resolves when the process serves; rejects where it cannot. */
export async function run({ config, warnings, say }: RunOptions): Promise<void> {
  const { output, lines } = openOutput(config);
  const log = createLog({
    level: config.logLevel,
    node: config.node,
    destination: lines,
    maxPerSecond: config.maxLogLinesPerSecond,
    clock,
  });
  if (cluster.isPrimary) for (const warning of warnings) log.warn(warning);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'a bug ends this process');
    say([`A bug ends this process: ${error.stack ?? String(error)}`]);
    process.exit(1);
  });

  if (config.backplane.kind === 'redis') await runReplica(config, config.backplane, log, lines);
  else if (cluster.isPrimary) await runPrimary(config, config.backplane.workers, log, { output, lines });
  else await runWorker(config, log, lines);
}
