/** Runs `npm run status` as a program. */
import { join } from 'node:path';
import type { ClusterStatus } from '../../../../scripts/lib/status-call.mjs';
import { startChild } from './start-child.ts';

/** The program of `npm run status`. */
export const statusProgram = join(import.meta.dirname, '../../../../scripts/status.mjs');
export const withKey = { TICKWIRE_API_KEY: 'dummy-key-1' };

export interface StatusRun {
  code: number | null;
  /** Both outputs, which a person sees together. */
  output: string;
}

/** Runs the program until its end. */
export async function runStatus(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<StatusRun> {
  const child = await startChild({
    name: 'status',
    command: process.execPath,
    args: [statusProgram, ...args],
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  const { code } = await child.ended;
  return { code, output: child.logs().join('\n') };
}

/** The exit code and the parsed output of `--json` with the API key. */
export async function statusOf(url: string, args: readonly string[] = []) {
  const { code, output } = await runStatus(['--url', url, '--json', ...args], withKey);
  return { code, status: JSON.parse(output) as ClusterStatus & { ok: boolean; problems: string[] } };
}
