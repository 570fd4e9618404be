/**
 * One true replica as a process beside us, on a port that stays its own over restarts. Knows of the server only its
 * environment and `/health/ready`.
 */
import { startChild } from './child.mjs';
import { nodeArgs, serverProgram } from './server-program.mjs';
import { answersOk } from './until.mjs';

const host = '127.0.0.1';
const readyDeadlineMs = 20_000;
/** Longer than a replica takes to send its clients away. */
const stopGraceMs = 15_000;

/**
 * @typedef {object} ReplicaProcess
 * @property {string} node
 * @property {string} host
 * @property {number} port
 * @property {string} url Its own address, past Nginx.
 * @property {string} metricsUrl Where it tells its figures.
 * @property {number} pid Of the current process; another one after `restart()`.
 * @property {() => boolean} running
 * @property {() => string[]} logs The last lines of all its processes, oldest first.
 * @property {(signal: NodeJS.Signals) => Promise<void>} kill Sends the signal. Waits for the end, but for SIGSTOP and SIGCONT.
 * @property {() => Promise<void>} restart Ends the living process in good order, starts another and waits until it is ready.
 * @property {() => Promise<void>} stop Ends it in good order, also when it is frozen; kills it where that takes too long.
 */

/**
 * Starts a replica and resolves when it is ready. Rejects with its last log lines when it ends before or takes too long.
 *
 * @param {object} options
 * @param {string} options.node
 * @param {number} options.port
 * @param {NodeJS.ProcessEnv} options.env Its whole environment but for NODE_ID, HOST and PORT.
 * @param {readonly string[]} [options.wrap] A command that gets the replica's own as its last arguments and becomes it: `['prlimit', '--nofile=64']`.
 * @param {string} [options.logFile]
 * @param {(line: string) => void} [options.onLine] Fires for every line of every one of its processes.
 * @param {(exit: import('./child.mjs').Exit) => void} [options.onExit] Fires at an end that nobody here asked for.
 * @param {AbortSignal | undefined} [options.signal] Gives up waiting, and ends what was started.
 * @returns {Promise<ReplicaProcess>}
 */
export async function startReplica({ node, port, env, wrap = [], logFile, onLine, onExit, signal }) {
  const url = `http://${host}:${port}`;
  const metricsUrl = `http://${host}:${env['METRICS_PORT'] || port}/metrics`;
  /** @type {string[]} */
  let earlier = [];
  /** @type {import('./child.mjs').Child | null} */
  let child = null;
  let expectsEnd = false;

  async function start() {
    earlier = logs();
    const [command, ...args] = [
      ...wrap,
      process.execPath,
      '--enable-source-maps',
      ...nodeArgs,
      serverProgram,
    ];
    const started = await startChild({
      name: `replica ${node}`,
      command,
      args,
      env: { ...env, NODE_ID: node, HOST: host, PORT: String(port) },
      ...(logFile === undefined ? {} : { logFile }),
      ...(onLine === undefined ? {} : { onLine }),
    });
    child = started;
    expectsEnd = false;
    void watch(started);
    await started.until(() => answersOk(`${url}/health/ready`), {
      what: 'ready',
      withinMs: readyDeadlineMs,
      signal,
    });
  }

  /** @param {import('./child.mjs').Child} started */
  async function watch(started) {
    const exit = await started.ended;
    if (child === started && !expectsEnd) onExit?.(exit);
  }

  function logs() {
    return [...earlier, ...(child?.logs() ?? [])].slice(-1_000);
  }

  async function stop() {
    expectsEnd = true;
    await child?.end('SIGTERM', stopGraceMs);
  }

  try {
    await start();
  } catch (error) {
    expectsEnd = true;
    const failed = /** @type {import('./child.mjs').Child | null} */ (child);
    await failed?.kill('SIGKILL');
    throw error;
  }

  return {
    node,
    host,
    port,
    url,
    metricsUrl,
    get pid() {
      return child?.pid ?? 0;
    },
    running: () => child?.running() ?? false,
    logs,
    kill: async (name) => {
      if (name !== 'SIGSTOP' && name !== 'SIGCONT') expectsEnd = true;
      await child?.kill(name);
    },
    restart: async () => {
      await stop();
      await start();
    },
    stop,
  };
}
