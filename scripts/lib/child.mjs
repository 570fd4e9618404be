/**
 * A program that we run beside us: in a process group of its own, its last lines kept, ended with us however we end. Knows
 * nothing of what the program does.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { guard } from './guard.mjs';
import { until } from './until.mjs';

/** Lines of a program's output that are kept, and how many of them an error shows. */
const maxLines = 1_000;
const shownLines = 15;

/**
 * @typedef {object} Exit How a program ended: one of both is null.
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 */

/**
 * @typedef {object} Child
 * @property {number} pid
 * @property {Promise<Exit>} ended Resolves once, when the program itself has ended and its output is read.
 * @property {() => boolean} running
 * @property {(from?: number) => string[]} logs The last lines of its output and error output, oldest first; those since `from`, an earlier `logged()`.
 * @property {() => number} logged How many lines it has written so far.
 * @property {(signal: NodeJS.Signals) => Promise<void>} kill Sends the signal, SIGKILL to the whole group. Waits for the end, but for SIGSTOP, SIGCONT and SIGHUP.
 * @property {(signal: NodeJS.Signals, graceMs: number) => Promise<void>} end Asks by the signal, also a frozen program, and kills the group after `graceMs`.
 * @property {(condition: () => boolean | Promise<boolean>, options: { what: string, withinMs: number, signal?: AbortSignal | undefined }) => Promise<void>} until
 *   Waits for the condition; rejects with the last lines when the program ended before or the time is over.
 */

/**
 * A file that gets a program's lines too. A full disk or a folder that is gone ends the file, not us.
 *
 * @param {string} name Of the program.
 * @param {string} path
 */
export function openLogFile(name, path) {
  const file = createWriteStream(path, { flags: 'a' });
  file.on('error', (error) => console.error(`${name}: its log file ends here: ${error.message}`));
  return file;
}

/**
 * Starts the program; rejects when it cannot be started, with the system's error as it is.
 *
 * @param {object} options
 * @param {string} options.name What errors call it.
 * @param {string} options.command
 * @param {readonly string[]} options.args
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {string} [options.folder] Its temporary one, removed when we are killed; otherwise that is the caller's.
 * @param {string} [options.logFile] Gets every line too.
 * @param {(line: string) => void} [options.onLine] Fires for every line.
 * @returns {Promise<Child>}
 */
export async function startChild({ name, command, args, cwd, env = process.env, folder, logFile, onLine }) {
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const pid = await new Promise((/** @type {(pid: number) => void} */ resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
  const release = guard(pid, folder);

  /** @type {string[]} */
  const lines = [];
  let dropped = 0;
  const file = logFile === undefined ? null : openLogFile(name, logFile);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (lines.push(line) > maxLines) {
        lines.shift();
        dropped += 1;
      }
      file?.write(`${line}\n`);
      onLine?.(line);
    });
  }

  /** @type {Exit | null} */
  let exit = null;
  /** @type {Promise<Exit>} */
  const ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      send('SIGKILL'); // To the group: what the program left behind, such as the workers of a killed Nginx.
      release();
    });
    child.once('close', () => {
      file?.end();
      resolve(exit ?? { code: null, signal: null });
    });
  });

  const shown = () => lines.slice(-shownLines).join('\n');

  /** @param {NodeJS.Signals} signal */
  function send(signal) {
    try {
      process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
    } catch {
      // It has ended already, which is all that a signal could bring.
    }
  }

  return {
    pid,
    ended,
    running: () => exit === null,
    logs: (from = 0) => lines.slice(Math.max(0, from - dropped)),
    logged: () => dropped + lines.length,
    kill: async (signal) => {
      if (exit === null) send(signal);
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT' && signal !== 'SIGHUP') await ended;
    },
    end: async (signal, graceMs) => {
      if (exit === null) {
        send(signal);
        send('SIGCONT');
      }
      const timer = setTimeout(() => send('SIGKILL'), graceMs);
      await ended;
      clearTimeout(timer);
    },
    until: async (condition, { what, withinMs, signal }) => {
      await until(
        async () => {
          if (exit !== null) {
            await ended;
            throw new Error(`${name} ended with ${exit.signal ?? `code ${exit.code}`}:\n${shown()}`);
          }
          return condition();
        },
        { withinMs, signal, otherwise: () => `${name} is not ${what}:\n${shown()}` },
      );
    },
  };
}
