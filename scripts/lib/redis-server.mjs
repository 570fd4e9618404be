/**
 * A real redis-server of our own, on loopback, for `npm run cluster` and the tests: keeps nothing on disk and is
 * never left behind. Knows nothing of what is stored in it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openLogFile } from './child.mjs';
import { assertPortFree, freePort } from './free-port.mjs';
import { guard } from './guard.mjs';

const host = '127.0.0.1';
const startDeadlineMs = 10_000;
const pollMs = 20;
/** Lines of the server's own output that an error shows. */
const shownLines = 8;

/**
 * @typedef {object} RedisServer
 * @property {number} port
 * @property {string} url `redis://127.0.0.1:port`.
 * @property {number} pid The current process; another one after `restart()`.
 * @property {(signal: NodeJS.Signals) => Promise<void>} kill Sends the signal. Waits for the exit, but for SIGSTOP and SIGCONT.
 * @property {() => Promise<void>} restart Starts it again on the same port, ending the living one first.
 * @property {() => Promise<void>} stop Ends it for good, also while it is frozen; further calls do nothing.
 */

/**
 * @typedef {object} RedisOptions
 * @property {number} [port] A free one by default.
 * @property {string[]} [args] Further arguments, which win over ours: `['--maxmemory', '1mb']`.
 * @property {string} [dir] Its working folder; by default a temporary one that `stop()` removes.
 * @property {number} [uid] The user it runs as, where the caller may choose.
 * @property {string} [logFile] Gets everything that it writes.
 * @property {(exit: import('./child.mjs').Exit) => void} [onExit] Fires at an end that nobody here asked for.
 */

/**
 * Starts `redis-server` and resolves when it answers. Rejects with a sentence for people when the program is missing
 * or the port is taken.
 *
 * @param {RedisOptions} [options]
 * @returns {Promise<RedisServer>}
 */
export async function startRedis({ port: wanted, args = [], dir, uid, logFile, onExit } = {}) {
  const port = wanted ?? (await freePort());
  const folder = dir ?? (await mkdtemp(join(tmpdir(), 'tickwire-redis-')));
  if (uid !== undefined) await chown(folder, uid, -1);

  /** @type {import('node:child_process').ChildProcess | null} */
  let child = null;
  let stopped = false;
  let expectsEnd = false;

  /** @param {NodeJS.Signals} signal */
  async function kill(signal) {
    const dying = child;
    if (dying === null) return;
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') {
      dying.kill(signal);
      return;
    }
    expectsEnd = true;
    const exited = once(dying, 'exit');
    dying.kill(signal);
    await exited;
  }

  async function start() {
    if (stopped) throw new Error('this redis-server was stopped for good');
    // Another Redis on this port would answer our PING.
    await assertPortFree(port, host);
    // `--save ''` and `--appendonly no`: nothing on disk, so that a restart is honestly empty.
    const settings = ['--port', String(port), '--bind', host, '--dir', folder];
    const started = spawn('redis-server', [...settings, '--save', '', '--appendonly', 'no', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // Ctrl-C in a terminal is for us, who end it last.
      ...(uid === undefined ? {} : { uid }),
    });
    child = started;
    expectsEnd = false;
    const temporary = dir === undefined ? folder : undefined;
    const release = started.pid === undefined ? () => {} : guard(started.pid, temporary);
    const file = logFile === undefined ? null : openLogFile('Redis', logFile);
    for (const stream of [started.stdout, started.stderr]) stream?.on('data', (text) => file?.write(text));
    started.once('close', () => file?.end());
    started.once('exit', (code, signal) => {
      release();
      if (child !== started) return;
      child = null;
      if (!expectsEnd) onExit?.({ code, signal });
    });
    await untilReady(started, port);
  }

  async function stop() {
    stopped = true;
    await kill('SIGKILL');
    if (dir === undefined) await rm(folder, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    port,
    url: `redis://${host}:${port}`,
    get pid() {
      return child?.pid ?? 0;
    },
    kill,
    restart: async () => {
      await kill('SIGKILL');
      await start();
    },
    stop,
  };
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {number} port
 */
async function untilReady(child, port) {
  /** @type {string[]} */
  let lines = [];
  const keep = (/** @type {Buffer} */ text) => {
    lines = [...lines, ...String(text).split('\n').filter(Boolean)].slice(-shownLines);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  /** @type {Error | null} */
  let failure = null;
  child.once('error', (error) => {
    failure = /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT' ? missing(error) : error;
    child.emit('exit', null, null);
  });
  child.once('exit', (code, signal) => {
    failure ??= new Error(`redis-server ended with ${code ?? signal}:\n${lines.join('\n')}`);
  });
  const deadline = Date.now() + startDeadlineMs;
  while (!(await answersPing(port))) {
    if (failure !== null) throw failure;
    if (Date.now() > deadline) {
      throw new Error(`redis-server did not answer within ${startDeadlineMs} ms:\n${lines.join('\n')}`);
    }
    await delay(pollMs);
  }
}

/** @param {Error} cause */
function missing(cause) {
  return new Error('redis-server is not installed: apt-get install redis-server', { cause });
}

/** Whether a server that has loaded its data answers; one that wants a password counts. @param {number} port */
async function answersPing(port) {
  const socket = connect(port, host);
  socket.setTimeout(1_000, () => socket.destroy());
  try {
    socket.write('PING\r\n');
    /** @type {unknown[]} */
    const [answer] = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    return /^(\+PONG|-NOAUTH)/.test(String(answer));
  } catch {
    return false; // Nobody listens yet: the caller asks again.
  } finally {
    socket.destroy();
  }
}
