/**
 * A real Nginx of our own in front of named replicas, as a plain process of any user with its files in a temporary folder.
 * Knows nothing of what the replicas answer.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostInUrl, reachableHost } from './address.mjs';
import { startChild } from './child.mjs';
import { assertPortFree, freePort } from './free-port.mjs';
import { renderNginx } from './nginx-conf.mjs';

/** Debian keeps it where only root's PATH leads. */
const programFolders = '/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin';
const startDeadlineMs = 10_000;
const stopGraceMs = 5_000;

/**
 * @typedef {object} NginxServer
 * @property {number} port
 * @property {string} url
 * @property {string | null} tlsUrl Where it serves TLS.
 * @property {number} pid The master process; another one after `restart()`.
 * @property {() => string[]} logs
 * @property {() => Promise<void>} reload Resolves when new workers have taken over; rejects with Nginx's own words when it kept the old ones.
 * @property {(replicas: import('./nginx-conf.mjs').NginxOptions['replicas']) => Promise<void>} setReplicas Reloads with other replicas.
 * @property {(signal: NodeJS.Signals) => Promise<void>} kill Waits for the end, but for SIGSTOP, SIGCONT and SIGHUP; SIGKILL takes the workers too.
 * @property {() => Promise<void>} restart Starts it again on the same port, ending the living one first.
 * @property {() => Promise<void>} stop Ends it for good and at once; further calls do nothing.
 */

/** @typedef {import('./certificate.mjs').CertificatePaths & { port?: number }} TlsOptions A free port by default. */

/**
 * Starts Nginx and resolves when it accepts. Rejects with a sentence for people when the program is missing, the port is
 * taken or the configuration is refused.
 *
 * @param {Omit<import('./nginx-conf.mjs').NginxOptions, 'port' | 'tls'> & { port?: number, tls?: TlsOptions, logFile?: string, onExit?: (exit: import('./child.mjs').Exit) => void }} options
 *   A free port by default. `onExit` fires at an end that nobody here asked for.
 * @returns {Promise<NginxServer>}
 */
export async function startNginx({ port: wanted, tls: wantedTls, logFile, onExit, ...options }) {
  const anyPort = () => freePort(options.host === '' ? undefined : options.host);
  const port = wanted ?? (await anyPort());
  const tls = wantedTls && { ...wantedTls, port: wantedTls.port ?? (await anyPort()) };
  const dir = await mkdtemp(join(tmpdir(), 'tickwire-nginx-'));
  await chmod(dir, 0o755); // Workers of a root's Nginx are nobody's.
  const config = join(dir, 'nginx.conf');
  let { replicas } = options;
  /** @type {import('./child.mjs').Child | null} */
  let child = null;
  let expectsEnd = false;
  let stopped = false;

  const write = async () =>
    writeFile(config, await renderNginx({ ...options, ...(tls && { tls }), replicas, port, dir }));

  async function start() {
    if (stopped) throw new Error('this Nginx was stopped for good');
    for (const own of tls === undefined ? [port] : [port, tls.port])
      await assertPortFree(own, options.host ?? '127.0.0.1');
    await write();
    const started = await startChild({
      name: 'Nginx',
      command: 'nginx',
      args: ['-p', dir, '-e', 'stderr', '-c', config],
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:${programFolders}` },
      folder: dir,
      ...(logFile === undefined ? {} : { logFile }),
    }).catch((error) => {
      throw error.code === 'ENOENT'
        ? new Error('nginx is not installed: apt-get install nginx-light', { cause: error })
        : error;
    });
    child = started;
    expectsEnd = false;
    void watch(started);
    await started.until(() => workersStarted(started.logs()) > 0, {
      what: 'running',
      withinMs: startDeadlineMs,
    });
  }

  /** @param {import('./child.mjs').Child} started */
  async function watch(started) {
    const exit = await started.ended;
    if (child === started && !expectsEnd) onExit?.(exit);
  }

  async function reload() {
    const current = child;
    if (current === null) throw new Error('this Nginx does not run');
    const before = current.logged();
    const news = () => current.logs(before);
    await current.kill('SIGHUP');
    await current.until(
      () => {
        const refused = news().find((line) => line.includes('[emerg]'));
        if (refused !== undefined) throw new Error(`Nginx kept its configuration: ${refused}`);
        // The old workers accept until they are told, some 100 ms after the new ones started.
        const started = workersStarted(news());
        return started > 0 && count(news(), 'gracefully shutting down') >= started;
      },
      { what: 'reloaded', withinMs: startDeadlineMs },
    );
  }

  /** @param {() => Promise<void>} act */
  async function end(act) {
    expectsEnd = true;
    await act();
  }

  async function stop() {
    stopped = true;
    await end(async () => child?.end('SIGTERM', stopGraceMs));
    await rm(dir, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }

  const host = hostInUrl(reachableHost(options.host ?? '127.0.0.1'));
  return {
    port,
    url: `http://${host}:${port}`,
    tlsUrl: tls === undefined ? null : `https://${host}:${tls.port}`,
    get pid() {
      return child?.pid ?? 0;
    },
    logs: () => child?.logs() ?? [],
    reload,
    setReplicas: async (next) => {
      replicas = next;
      await write();
      await reload();
    },
    kill: (signal) =>
      signal === 'SIGSTOP' || signal === 'SIGCONT' || signal === 'SIGHUP'
        ? (child?.kill(signal) ?? Promise.resolve())
        : end(async () => child?.kill(signal)),
    restart: async () => {
      await end(async () => child?.end('SIGTERM', stopGraceMs));
      await start();
    },
    stop,
  };
}

/** @param {string[]} lines */
function workersStarted(lines) {
  return count(lines, 'start worker process ');
}

/**
 * @param {string[]} lines
 * @param {string} words
 */
function count(lines, words) {
  return lines.filter((line) => line.includes(words)).length;
}
