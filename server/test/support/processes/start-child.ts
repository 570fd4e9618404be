/**
 * Starts a program in a process group of its own and keeps its last lines. The program ends when this process ends, however
 * that happens. What the program does is left to the caller.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { guard } from '../../../../scripts/lib/guard.mjs';
import { until } from '../until.ts';

/** Lines of output that are kept, and lines that an error shows. */
const maxLines = 1_000;
const shownLines = 15;

/** How a program ended: one of both is null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  /** Resolves once, when the program has ended and its output is read. */
  readonly ended: Promise<Exit>;
  running(): boolean;
  /** The last lines of its output and error output, oldest first; only those since `from`, an earlier `logged()`. */
  logs(from?: number): string[];
  /** How many lines it has written so far. */
  logged(): number;
  /** Sends the signal, SIGKILL to the whole group. Waits for the end, except after SIGSTOP, SIGCONT and SIGHUP. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Sends the signal, continues a frozen program, and kills the group after `graceMs`. Resolves when the program has ended. */
  end(signal: NodeJS.Signals, graceMs: number): Promise<void>;
  /** Waits for the condition. Rejects with the last lines when the program ends first or the time is over. */
  until(condition: () => boolean | Promise<boolean>, options: ChildUntilOptions): Promise<void>;
}

interface ChildUntilOptions {
  /** Completes the error `<name> is not ...`. */
  what: string;
  withinMs: number;
  signal?: AbortSignal | undefined;
}

export interface ChildOptions {
  /** The program's name in errors. */
  name: string;
  command: string;
  args: readonly string[];
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Named by the error when the command does not exist. */
  debianPackage?: string;
  /** The program's temporary folder. It is removed when this process is killed; otherwise the caller removes it. */
  folder?: string | undefined;
  /** Receives every line too. */
  logFile?: string | undefined;
  /** Fires for every line. */
  onLine?: ((line: string) => void) | undefined;
}

/** True for signals after which a program goes on running. */
export function leavesRunning(signal: NodeJS.Signals): boolean {
  return signal === 'SIGSTOP' || signal === 'SIGCONT' || signal === 'SIGHUP';
}

/** Starts the program. Rejects with the system's error when it cannot be started. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, args, cwd, env = process.env, debianPackage, folder, logFile, onLine } = options;
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  await once(child, 'spawn').catch((error: NodeJS.ErrnoException) => {
    // With a folder in PATH that this user may not read, a missing program is EACCES.
    if (!['ENOENT', 'EACCES'].includes(error.code ?? '') || debianPackage === undefined) throw error;
    throw new Error(`${command} is not installed: apt-get install ${debianPackage}`, { cause: error });
  });
  const pid = child.pid ?? 0;
  const release = guard(pid, folder);

  const lines: string[] = [];
  let dropped = 0;
  const file = logFile === undefined ? null : createWriteStream(logFile, { flags: 'a' });
  // A full disk or a removed folder ends the log file, not this process.
  file?.on('error', ({ message }) => void process.stderr.write(`${name}: log file closed: ${message}\n`));
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

  let exit: Exit | null = null;
  const ended = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      send('SIGKILL'); // To the group: a killed Nginx, for example, leaves its workers.
      release();
    });
    child.once('close', () => {
      file?.end();
      resolve(exit ?? { code: null, signal: null });
    });
  });

  const shown = (): string => lines.slice(-shownLines).join('\n');

  function send(signal: NodeJS.Signals): void {
    try {
      process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
    } catch {
      // The program has ended already.
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
      if (!leavesRunning(signal)) await ended;
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
    until: async (condition, { what, ...limits }) => {
      const check = async (): Promise<boolean> => {
        if (exit === null) return condition();
        const { code, signal } = await ended;
        throw new Error(`${name} ended with ${signal ?? `code ${code}`}:\n${shown()}`);
      };
      await until(check, { ...limits, otherwise: () => `${name} is not ${what}:\n${shown()}` });
    },
  };
}
