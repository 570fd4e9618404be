/** Starts a real redis-server on loopback. The server keeps nothing on disk. */
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertPortFree, freePort } from './free-port.ts';
import type { Exit } from './start-child.ts';
import { type Program, startProgram } from './start-program.ts';

const host = '127.0.0.1';
const startDeadlineMs = 10_000;
const graceMs = 5_000;

export interface RedisServer extends Program {
  readonly port: number;
  /** `redis://127.0.0.1:port` */
  readonly url: string;
}

export interface RedisOptions {
  /** A free port by default. */
  port?: number;
  /** Further arguments, which override those of this file: `['--maxmemory', '1mb']`. */
  args?: readonly string[];
  /** The working folder; by default a temporary folder that `stop()` removes. */
  dir?: string;
  logFile?: string | undefined;
  /** Fires when Redis ends and no caller of this handle ended it. */
  onExit?: (exit: Exit) => void;
}

/** Starts `redis-server` and resolves when it answers. Rejects with a sentence for people when it is missing or the port is taken. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { port = await freePort(), args = [], dir, logFile, onExit } = options;
  const temporary = dir === undefined ? await mkdtemp(join(tmpdir(), 'tickwire-redis-')) : undefined;
  const settings = { port, bind: host, dir: dir ?? temporary, save: '', appendonly: 'no' };
  const program = await startProgram({
    launch: async () => {
      // Another Redis on this port would answer the PING.
      await assertPortFree(port, host);
      return {
        name: 'redis-server',
        command: 'redis-server',
        debianPackage: 'redis-server',
        args: [...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]), ...args],
        logFile,
      };
    },
    folder: temporary,
    untilReady: (child) =>
      child.until(() => answersPing(port), { what: 'answering', withinMs: startDeadlineMs }),
    stopSignal: 'SIGKILL',
    graceMs,
    onExit,
  });
  return Object.assign(program, { port, url: `redis://${host}:${port}` });
}

/** True if a server answers that has loaded its data; an answer that asks for a password counts. */
async function answersPing(port: number): Promise<boolean> {
  const socket = connect(port, host);
  socket.setTimeout(1_000, () => socket.destroy());
  try {
    socket.write('PING\r\n');
    const [answer] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as unknown[];
    return /^(\+PONG|-NOAUTH)/.test(String(answer));
  } catch {
    return false; // Nothing listens yet: the caller asks again.
  } finally {
    socket.destroy();
  }
}
