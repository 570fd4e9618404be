/** Many watched clients in a process of their own, so that their work does not slow what measures them. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createBirpc } from 'birpc';
import { guard } from '../../../../scripts/lib/guard.mjs';
import { bundleProgram } from '../processes/bundle-program.ts';
import type { CrowdCalls, CrowdReport } from './crowd-messages.ts';

/** Clients in another process, until `close` kills it. */
export interface Crowd extends Omit<CrowdCalls, 'report'> {
  readonly pid: number;
  /** Rejects when the process has ended. */
  report(): Promise<CrowdReport>;
  close(): Promise<void>;
}

/** Rejects when the program cannot be built or ends before it is ready. */
export async function startCrowd(): Promise<Crowd> {
  const program = await bundleProgram('server/test/support/clients/crowd-program.ts');
  const child = fork(program.path, [], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const pid = child.pid ?? 0;
  const release = guard(pid);
  const ended = once(child, 'exit').then(() => {
    release();
    return new Error(`the crowd's process ended with ${child.exitCode}`);
  });

  const ready = await Promise.race([once(child, 'message'), ended]);
  const calls = createBirpc<CrowdCalls>(
    {},
    {
      post: (message: object) => void child.send(message, () => {}),
      on: (receive) => void child.on('message', receive),
    },
  );
  void ended.then((error) => calls.$close(error));

  async function close(): Promise<void> {
    program.remove();
    child.kill('SIGKILL');
    await ended;
  }

  if (ready instanceof Error) {
    await close();
    throw ready;
  }
  return {
    pid,
    add: (clients, perSecond) => void calls.add.asEvent(clients, perSecond),
    cut: () => void calls.cut.asEvent(),
    report: () => calls.report(),
    close,
  };
}
