/** Starts a program that can be restarted: one handle for all of its processes, one after another. */
import { rm } from 'node:fs/promises';
import { type Child, type ChildOptions, type Exit, leavesRunning, startChild } from './start-child.ts';

const maxLines = 1_000;

export interface Program {
  /** The current process; another one after `restart()`. */
  readonly pid: number;
  running(): boolean;
  /** The last lines of all its processes, oldest first. */
  logs(): string[];
  /** Sends the signal. Waits for the end, except after SIGSTOP, SIGCONT and SIGHUP. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Stops the process if it runs, starts another and waits until that one is ready. */
  restart(): Promise<void>;
  /** Ends the process, also a frozen one, and kills it after the grace time. Further calls do nothing. */
  stop(): Promise<void>;
}

export interface ProgramOptions {
  /** Prepares one start and gives its command. */
  launch: () => ChildOptions | Promise<ChildOptions>;
  /** A temporary folder. A failed start and `stop()` remove it; then the program does not start again. */
  folder?: string | undefined;
  /** Resolves when the process is ready. */
  untilReady: (child: Child) => Promise<void>;
  stopSignal: NodeJS.Signals;
  graceMs: number;
  /** Fires when the process ends and no caller of this handle ended it. */
  onExit?: ((exit: Exit) => void) | undefined;
}

/** Starts the program and resolves when it is ready. When it rejects, no process is left running. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { launch, folder, untilReady, stopSignal, graceMs, onExit } = options;
  let earlierLines: string[] = [];
  let child: Child | null = null;
  let isEndExpected = false;
  let isFolderGone = false;

  const logs = (): string[] => [...earlierLines, ...(child?.logs() ?? [])].slice(-maxLines);

  async function start(): Promise<void> {
    if (isFolderGone) throw new Error('this program was stopped for good');
    const started = await startChild({ ...(await launch()), folder });
    earlierLines = logs();
    child = started;
    isEndExpected = false;
    void watch(started);
    await untilReady(started);
  }

  async function watch(started: Child): Promise<void> {
    const exit = await started.ended;
    if (child === started && !isEndExpected) onExit?.(exit);
  }

  async function kill(signal: NodeJS.Signals): Promise<void> {
    if (!leavesRunning(signal)) isEndExpected = true;
    await child?.kill(signal);
  }

  async function end(): Promise<void> {
    isEndExpected = true;
    await child?.end(stopSignal, graceMs);
  }

  async function removeFolder(): Promise<void> {
    if (folder === undefined) return;
    isFolderGone = true;
    await rm(folder, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await kill('SIGKILL');
    await removeFolder();
    throw error;
  }
  return {
    get pid() {
      return child?.pid ?? 0;
    },
    running: () => child?.running() ?? false,
    logs,
    kill,
    restart: async () => {
      await end();
      await start();
    },
    stop: async () => {
      await end();
      await removeFolder();
    },
  };
}
