/** The embedded cluster as `npm start` runs it: the built server as processes of its own, ended with the test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { nodeArgs, serverProgram } from '../../../../scripts/lib/server-program.mjs';
import { until } from '../until.ts';

/**
 * An embedded cluster that serves. Its replicas are named after `NODE_ID`, and one that was killed is started again by
 * the primary.
 */
export interface EmbeddedCluster {
  url: string;
  /** The primary's process. */
  readonly pid: number;
  /** Kills the replica of that name with -9. */
  kill(node: string): void;
  /** The process of the replica of that name; null while there is none. */
  pidOf(node: string): number | null;
  /** Resolves with its exit code once it has ended. */
  readonly exitCode: Promise<number | null>;
  /** Ends it in good order. */
  close(): Promise<void>;
}

/** Resolves when it says where it listens: a free port, unless the settings name one. */
export async function startEmbeddedCluster(settings: Record<string, string> = {}): Promise<EmbeddedCluster> {
  const env = {
    ...process.env,
    NODE_ID: 'replica',
    BACKPLANE: 'local',
    HOST: '127.0.0.1',
    PORT: '0',
    WORKERS: '2',
    LOG_LEVEL: 'warn',
    ...settings,
  };
  const primary = spawn(process.execPath, [...nodeArgs, serverProgram], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(primary, 'exit');
  let url: string | undefined;
  for await (const line of createInterface({ input: primary.stdout })) {
    url = /http:\/\/\S+/.exec(line)?.[0];
    if (url !== undefined) break;
  }
  if (url === undefined) throw new Error('the embedded cluster ended before it listened');
  primary.stdout.resume();

  return {
    url: `${url}/`,
    pid: primary.pid ?? 0,
    kill: (node) => {
      const pid = workerOf(primary.pid ?? 0, node);
      if (pid === null) throw new Error(`no process of ${primary.pid} is ${node}`);
      process.kill(pid, 'SIGKILL');
    },
    exitCode: ended.then(([code]) => code as number | null),
    pidOf: (node) => workerOf(primary.pid ?? 0, node),
    close: async () => {
      primary.kill('SIGTERM');
      await ended;
    },
  };
}

/** Resolves when so many replicas of it know each other, by an API key that it was given. */
export async function untilAllThere({ url }: EmbeddedCluster, count: number, apiKey: string): Promise<void> {
  await until(
    async () => {
      const answer = await fetch(`${url}api/nodes`, { headers: { 'X-API-Key': apiKey } });
      return ((await answer.json()) as { nodes: unknown[] }).nodes.length === count;
    },
    { withinMs: 20_000 },
  );
}

/** The child of the primary that was started with that node id. */
function workerOf(primary: number, node: string): number | null {
  const children = readFileSync(`/proc/${primary}/task/${primary}/children`, 'utf8').trim().split(' ');
  const worker = children.find((pid) => environmentOf(pid).includes(`NODE_ID=${node}`));
  return worker === undefined ? null : Number(worker);
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return []; // It has just ended.
  }
}
