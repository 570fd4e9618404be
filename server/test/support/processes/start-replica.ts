/**
 * Starts one replica as a process. The replica keeps its port over restarts. This file knows only the server's environment
 * and `/health/ready`.
 */
import { nodeArgs, serverProgram } from '../../../../scripts/lib/server-program.mjs';
import type { ChildOptions, Exit } from './start-child.ts';
import { type Program, startProgram } from './start-program.ts';
import { answersOk } from '../until.ts';

const host = '127.0.0.1';
const readyDeadlineMs = 20_000;
/** Longer than a drain. */
const graceMs = 15_000;

export interface ReplicaProcess extends Program {
  readonly node: string;
  readonly host: string;
  readonly port: number;
  /** The replica's own URL, without Nginx. */
  readonly url: string;
  readonly metricsUrl: string;
}

export interface ReplicaOptions extends Pick<ChildOptions, 'logFile' | 'onLine'> {
  node: string;
  port: number;
  /** The whole environment except NODE_ID, HOST and PORT. */
  env: NodeJS.ProcessEnv;
  /** A command that receives the replica's command as its last arguments and runs it with `exec`: `['prlimit', '--nofile=64']`. */
  wrap?: readonly string[] | undefined;
  /** Fires when the replica ends and no caller of this handle ended it. */
  onExit?: (exit: Exit) => void;
  /** When aborted, the start rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Starts a replica and resolves when it is ready. Rejects with its last log lines when it ends first or takes too long. */
export async function startReplica(options: ReplicaOptions): Promise<ReplicaProcess> {
  const { node, port, env, wrap = [], logFile, onLine, onExit, signal } = options;
  const url = `http://${host}:${port}`;
  const [command, ...args] = [...wrap, process.execPath, '--enable-source-maps', ...nodeArgs, serverProgram];
  const program = await startProgram({
    launch: () => ({
      name: `replica ${node}`,
      command,
      args,
      env: { ...env, NODE_ID: node, HOST: host, PORT: String(port) },
      logFile,
      onLine,
    }),
    untilReady: (child) =>
      child.until(() => answersOk(`${url}/health/ready`), {
        what: 'ready',
        withinMs: readyDeadlineMs,
        signal,
      }),
    stopSignal: 'SIGTERM',
    graceMs,
    onExit,
  });
  const metricsUrl = `http://${host}:${env['METRICS_PORT'] || port}/metrics`;
  return Object.assign(program, { node, host, port, url, metricsUrl });
}
