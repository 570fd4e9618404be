/** Many watched clients in a process of their own, so that their work does not slow what measures them. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { guard } from '../../../scripts/lib/guard.mjs';
import { bundleProgram } from './bundle-program.ts';
import type { CrowdClient, CrowdReport, FromCrowd, ToCrowd } from './crowd-messages.ts';
import { until } from './until.ts';

/** Clients in another process, until `close` kills it. `report` rejects where it has exited before. */
export interface Crowd {
  readonly pid: number;
  /** They begin to connect at that rate. */
  add(clients: CrowdClient[], perSecond: number): void;
  /** Cuts the connection of every raw client at once. */
  cut(): void;
  report(): Promise<CrowdReport>;
  close(): Promise<void>;
}

/** Rejects where the program cannot be built or ends before it is ready. */
export async function startCrowd(): Promise<Crowd> {
  const program = await bundleProgram('server/test/support/crowd-program.ts');
  const child = fork(program.path, [], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const release = child.pid === undefined ? () => {} : guard(child.pid);
  const ended = once(child, 'exit').then(release);
  const waiting: ((report: CrowdReport) => void)[] = [];
  let ready = false;
  child.on('message', (message: FromCrowd) => {
    if (message.type === 'ready') ready = true;
    else waiting.shift()?.(message);
  });
  const tell = (message: ToCrowd): void => void child.send(message, () => {});

  async function close(): Promise<void> {
    program.remove();
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  }

  try {
    await until(() => ready || child.exitCode !== null, { withinMs: 20_000 });
    if (!ready) throw new Error(`the crowd's process ended with ${child.exitCode}`);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    pid: child.pid ?? 0,
    add: (clients, perSecond) => tell({ type: 'add', clients, perSecond }),
    cut: () => tell({ type: 'cut' }),
    report: () =>
      new Promise((resolve, reject) => {
        if (child.exitCode !== null) reject(new Error(`the crowd's process ended with ${child.exitCode}`));
        waiting.push(resolve);
        tell({ type: 'report' });
      }),
    close,
  };
}
