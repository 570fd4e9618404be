/** A replica as a process of the test's own beside a cluster's, for what a harness hides: its exit code and its signals. */
import { onTestFinished } from 'vitest';
import { serverProgram } from '../../../../scripts/lib/server-program.mjs';
import { type Exit, startChild } from './start-child.ts';

export interface OwnReplica {
  node: string;
  url: string;
  /** Sends the signal, and does not wait for the end. */
  signal(name: NodeJS.Signals): void;
  ended: Promise<Exit>;
  logs(): string[];
}

/** Resolves when it listens, on a free port. Killed with the test, if it still runs. */
export async function startOwnReplica(settings: Record<string, string>): Promise<OwnReplica> {
  const node = settings['NODE_ID'] ?? 'own';
  const child = await startChild({
    name: `replica ${node}`,
    command: process.execPath,
    args: [serverProgram],
    env: { ...process.env, NODE_ID: node, BACKPLANE: 'redis', HOST: '127.0.0.1', PORT: '0', ...settings },
  });
  onTestFinished(() => child.kill('SIGKILL'));
  const listening = (): string | undefined => child.logs().find((line) => line.includes('"msg":"listening"'));
  await child.until(() => listening() !== undefined, { what: 'listening', withinMs: 20_000 });
  const { port } = JSON.parse(listening() ?? '') as { port: number };
  return {
    node,
    url: `http://127.0.0.1:${port}`,
    signal: (name) => void child.kill(name),
    ended: child.ended,
    logs: () => child.logs(),
  };
}
