/** Calls between the benchmark and the processes that it starts, over their IPC channel: birpc, without a time limit of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createBirpc, type BirpcReturn } from 'birpc';
import { guard } from '../../scripts/lib/guard.mjs';

/** A process that was started, and its calls. A call rejects with the error that was thrown there. */
export interface CalledProcess<Calls extends object> {
  readonly pid: number;
  readonly calls: BirpcReturn<Calls, object>;
  /** Ends it at once. */
  close(): Promise<void>;
}

/** Starts a program, with Node unless `execPath` is another runtime. Every call under way rejects when the process ends. */
export function startCalled<Calls extends object>(
  program: string,
  { nodeArgs = [], execPath = process.execPath }: { nodeArgs?: readonly string[]; execPath?: string } = {},
): CalledProcess<Calls> {
  const child = fork(program, [], {
    env: { ...process.env, NODE_ENV: 'production' },
    execArgv: [...nodeArgs],
    execPath,
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

/** Frames are JSON, because Bun and Node share no other form. */
function channel(
  post: (frame: string) => void,
  from: { on(event: 'message', listener: (frame: unknown) => void): unknown },
) {
  return {
    post,
    on: (listener: (frame: unknown) => void) => void from.on('message', listener),
    serialize: (frame: unknown) =>
      JSON.stringify(frame, (_key, value: unknown) =>
        value instanceof Error ? { error: value.stack ?? value.message } : value,
      ),
    deserialize: (frame: string): unknown =>
      JSON.parse(frame, (_key, value: { error?: string } | null) =>
        typeof value === 'object' && value?.error !== undefined ? new Error(value.error) : value,
      ),
    timeout: -1,
  };
}
