/** A local cluster that logs to files: its lines, their bounds, and calls that are logged. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { startEmbeddedCluster, type EmbeddedCluster } from './embedded-cluster.ts';

export const maxBytes = 65_536;
export const maxFiles = 3;
export const apiKey = 'dummy-api-key-1';

export interface Line {
  level: string;
  node: string;
  msg: string;
  of?: string;
  lines?: number;
  status?: number;
  req?: { id: string; method: string; path: string };
}

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-logs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Two workers and their primary, which log into that folder. */
export async function startLogged(
  folder: string,
  settings: Record<string, string> = {},
): Promise<EmbeddedCluster> {
  const cluster = await startEmbeddedCluster({
    LOG_LEVEL: 'info',
    LOG_TO_FILE: 'true',
    LOG_DIR: folder,
    LOG_MAX_SIZE: '64k',
    LOG_MAX_FILES: String(maxFiles),
    API_KEYS: apiKey,
    DRAIN_MS: '500',
    UPDATE_INTERVAL: '50',
    ...settings,
  });
  onTestFinished(() => cluster.close());
  return cluster;
}

/** The names of the log's files, the oldest first. */
export function namesIn(folder: string): string[] {
  const age = (name: string): number => Number(/\d+$/.exec(name)?.[0] ?? 0);
  return readdirSync(folder)
    .filter((name) => name.startsWith('tickwire-replica.log'))
    .toSorted((a, b) => age(b) - age(a));
}

/** Every line of every file, the oldest first. Throws if a line is incomplete. */
export function linesIn(folder: string): Line[] {
  return textIn(folder)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** The text of all files. It reads again if the server renamed or removed a file meanwhile. */
function textIn(folder: string): string {
  for (;;) {
    const names = namesIn(folder);
    try {
      return names.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

export const bytesIn = (folder: string): number =>
  namesIn(folder).reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

/** Sends that many calls, 20 at a time, and expects that status. */
export async function call(
  url: string,
  count: number,
  status: number,
  init: RequestInit = {},
): Promise<void> {
  for (let sent = 0; sent < count; sent += 20) {
    const calls = Array.from({ length: Math.min(20, count - sent) }, async () => {
      const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
      await answer.arrayBuffer();
      return answer.status;
    });
    expect(await Promise.all(calls)).toEqual(calls.map(() => status));
  }
}

export async function droppedLines({ url }: Pick<EmbeddedCluster, 'url'>): Promise<number> {
  const figures = await (await fetch(`${url}metrics`)).text();
  const lost = [...figures.matchAll(/^tickwire_log_lines_dropped_total\{.*\} (\d+)$/gm)];
  return lost.reduce((sum, [, count]) => sum + Number(count), 0);
}
