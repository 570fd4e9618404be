/** Calls between the benchmark and the processes that it starts, over their IPC pipe: birpc, without a time limit of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createBirpc, type BirpcReturn } from 'birpc';
import { guard } from '../../scripts/lib/guard.mjs';

/** A process that was started, and what it answers. A call rejects with what was thrown there. */
export interface CalledProcess<Calls extends object> {
  readonly pid: number;
  readonly calls: BirpcReturn<Calls, object>;
  /** Ends it at once. */
  close(): Promise<void>;
}

/** Starts a program and calls what it answers. Every call under way rejects when it ends. */
export function startCalled<Calls extends object>(
  program: string,
  { env = {}, nodeArgs = [] }: { env?: NodeJS.ProcessEnv; nodeArgs?: readonly string[] } = {},
): CalledProcess<Calls> {
  const child = fork(program, [], {
    env: { ...process.env, NODE_ENV: 'production', ...env },
    execArgv: [...nodeArgs],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const release = child.pid === undefined ? () => {} : guard(child.pid);
  const calls = createBirpc<Calls>(
    {},
    channel((frame) => void child.send(frame, () => {}), child),
  );
  const ended = once(child, 'exit');
  child.once('exit', (code, signal) => {
    release();
    calls.$close(new Error(`${program} ended with ${signal ?? code}`));
  });
  return {
    pid: child.pid ?? 0,
    calls,
    close: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Answers the process that started this one, and ends with it. */
export function answerParent(calls: object): void {
  createBirpc(
    calls,
    channel((frame) => void process.send?.(frame), process),
  );
  process.on('disconnect', () => process.exit(0));
  // Not at once: a profile is written at the end of a process.
  process.on('SIGTERM', () => process.exit(0));
}

function channel(
  post: (frame: object) => void,
  from: { on(event: 'message', listener: (frame: unknown) => void): unknown },
) {
  return { post, on: (listener: (frame: unknown) => void) => void from.on('message', listener), timeout: -1 };
}
