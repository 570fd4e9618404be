/** A replica as a process of the test's own beside a cluster's, for what a harness hides: its exit code and its signals. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** A process of the test's own; `logs` are its lines so far, as JSON texts. */
export interface OwnReplica {
  node: string;
  url: string;
  pid: number;
  signal(name: NodeJS.Signals): void;
  /** Code and signal of its end. */
  ended: Promise<unknown[]>;
  logs: readonly string[];
}

const main = join(import.meta.dirname, '../../../dist/server/src/main.js');

/** Resolves when it listens, on a free port. Killed with the test, if it still runs. */
export async function startOwnReplica(settings: Record<string, string>): Promise<OwnReplica> {
  const node = settings['NODE_ID'] ?? 'own';
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, NODE_ID: node, BACKPLANE: 'redis', HOST: '127.0.0.1', PORT: '0', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const logs: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      logs.push(line);
      const { msg, port: told } = JSON.parse(line) as { msg?: string; port?: number };
      if (msg === 'listening' && told !== undefined) resolve(told);
    });
    void ended.then(() => reject(new Error(`ended before it listened:\n${logs.join('\n')}`)));
  });
  return {
    node,
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    signal: (name) => void child.kill(name),
    ended,
    logs,
  };
}
