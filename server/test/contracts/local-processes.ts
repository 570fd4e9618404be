/** Starts local-program.ts as true processes and drives its workers from the test. Nothing outlives `stop`. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createBirpc } from 'birpc';
import { afterAll, afterEach, beforeAll, vi } from 'vitest';
import { defaultWindow } from '../support/stand-ins/memory-backplane.ts';
import { bundleProgram } from '../support/processes/bundle-program.ts';
import type { BackplaneDriver } from './backplane-driver.ts';
import type { FromProgram, LocalSettings, ReadyMessage, ToProgram } from './local-messages.ts';

/** The test program as one file that Node runs. */
export const bundleLocalProgram = () => bundleProgram('server/test/contracts/local-program.ts');

/** Bundles the program once for a test file. Ends what each test started. */
export function localProgram() {
  let program: Awaited<ReturnType<typeof bundleLocalProgram>>;
  const started: LocalProcesses[] = [];
  beforeAll(async () => {
    program = await bundleLocalProgram();
  });
  afterAll(() => program.remove());
  afterEach(async () => {
    await Promise.all(started.splice(0).map((processes) => processes.stop()));
  });

  function start(settings: Partial<LocalSettings> = {}): LocalProcesses {
    const processes = startProgram(program.path, settings);
    started.push(processes);
    return processes;
  }

  return {
    start,
    /** Two workers that are ready, by their node ids. */
    startPair: async (settings: Partial<LocalSettings> = {}) => {
      const processes = start({ ...settings, workers: 2 });
      await processes.readyCount(2);
      await processes.listening;
      const one = processes.driver('local-1');
      const two = processes.driver('local-2');
      return { processes, pidOf: processes.pidOf, one, two };
    },
    /** A cluster that listens, and its port. */
    startPort: async (settings: Partial<LocalSettings> = {}) => {
      const processes = start(settings);
      const port = await processes.listening;
      const kill = (node: string, signal: NodeJS.Signals): void => {
        process.kill(processes.pidOf(node), signal);
      };
      return { processes, port, kill };
    },
  };
}

export interface LocalProcesses {
  readonly primary: ChildProcess;
  /** The port; rejects when the program could not start. */
  readonly listening: Promise<number>;
  /** Every worker that was ever ready, the oldest first. */
  readonly ready: readonly ReadyMessage[];
  /** The process of the last worker of that name that was ready; throws while none was. */
  pidOf(node: string): number;
  /** Resolves when that many workers have been ready since the start, with the last of them. */
  readyCount(count: number): Promise<ReadyMessage>;
  /** All lines that the processes printed. */
  output(): string;
  /** The ids of those processes, of all that were ever started, that still run. */
  running(): number[];
  /** Resolves when one of them printed that line. */
  said(line: string, timeoutMs: number): Promise<void>;
  driver(node: string): BackplaneDriver;
  close(options: { now: boolean }): void;
  /** Ends the primary in any case, and waits until its workers are gone too. */
  stop(): Promise<void>;
}

/** Starts one primary with two workers, or as `settings` say. */
export function startProgram(path: string, settings: Partial<LocalSettings> = {}): LocalProcesses {
  const all: LocalSettings = {
    node: 'local',
    workers: 2,
    port: 0,
    drainMs: 10_000,
    loadMs: 0,
    ...defaultWindow,
    worker: 'sound',
    ...settings,
  };
  const primary = fork(path, [JSON.stringify(all)], {
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let output = '';
  primary.stdout?.setEncoding('utf8').on('data', (text: string) => void (output += text));
  const ready: ReadyMessage[] = [];
  const frameListeners = new Map<string, (frame: unknown) => void>();
  const send = (message: ToProgram): void => void primary.send(message, () => {});

  const listening = new Promise<number>((resolve, reject) => {
    primary.on('message', (message: FromProgram) => {
      if (message.type === 'test:listening') resolve(message.port);
      if (message.type === 'test:failed') reject(new Error(message.message));
      if (message.type === 'test:ready') ready.push(message);
      if (message.type === 'test:driver') frameListeners.get(message.node)?.(message.frame);
    });
  });
  listening.catch(() => {});

  function running(): number[] {
    const workers = [...output.matchAll(/^pid (\d+)$/gm)].map((match) => Number(match[1]));
    return [primary.pid ?? 0, ...workers].filter(isRunning);
  }

  function pidOf(node: string): number {
    const worker = ready.findLast((each) => each.node === node);
    // Never 0 instead: a signal to process 0 ends this process and all of its group.
    if (worker === undefined) throw new Error(`${node} was never ready`);
    return worker.pid;
  }

  async function readyCount(count: number): Promise<ReadyMessage> {
    return vi.waitFor(
      () => {
        const last = ready[count - 1];
        if (last === undefined) throw new Error(`only ${ready.length} of ${count} workers were ready`);
        return last;
      },
      { timeout: 20_000, interval: 10 },
    );
  }

  async function stop(): Promise<void> {
    if (primary.exitCode === null && primary.signalCode === null) {
      primary.kill('SIGCONT');
      send({ type: 'test:close', now: true });
      await once(primary, 'exit');
    }
    await vi.waitUntil(() => running().length === 0, { timeout: 10_000, interval: 10 });
  }

  return {
    primary,
    listening,
    ready,
    pidOf,
    readyCount,
    output: () => output,
    running,
    said: (line, timeoutMs) =>
      vi.waitFor(
        () => {
          if (!output.split('\n').includes(line)) throw new Error(`no ${line} in\n${output}`);
        },
        { timeout: timeoutMs, interval: 10 },
      ),
    driver: (node) =>
      createDriver(
        node,
        (frame) => send({ type: 'test:driver', node, frame }),
        (listener) => void frameListeners.set(node, listener),
      ),
    close: ({ now }) => send({ type: 'test:close', now }),
    stop,
  };
}

/** A driver whose calls go to the worker, by the names that local-program.ts gives them. */
function createDriver(
  node: string,
  post: (frame: unknown) => void,
  on: (listener: (frame: unknown) => void) => void,
): BackplaneDriver {
  const remote = createBirpc<Record<string, (...args: unknown[]) => unknown>>(
    {},
    { post, on, timeout: 10_000 },
  );
  /** All that is not in `own` is a call. */
  function part<Part extends object>(prefix: string, own: Partial<Part> = {}): Part {
    return new Proxy(own as Part, {
      get: (target, name) => Reflect.get(target, name) ?? remote[`${prefix}${String(name)}`],
    });
  }
  return part<BackplaneDriver>('', {
    node,
    lease: part('lease.'),
    tickLog: part('tickLog.'),
    callCounts: part('callCounts.'),
    userSeats: part('userSeats.'),
  });
}

/** Whether a process of that id runs; one that ended and was not yet collected does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}
