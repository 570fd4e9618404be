/** The embedded cluster when its log cannot be written: a full disk, a pipe that is closed or not read, a locked folder. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/processes/free-port.ts';
import {
  bytesIn,
  call,
  droppedLines,
  linesIn,
  maxBytes,
  namesIn,
  newFolder,
} from '../support/processes/log-folder.ts';
import { canMount, fillDisk, mountDisk } from '../support/processes/small-disk.ts';
import { until } from '../support/until.ts';
import { healthOf } from '../cluster/cluster-under-test.ts';

const main = join(import.meta.dirname, '../../../dist/server/src/main.js');
const workers = 2;

/** The processes that still run of those; a zombie does not. */
function running(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  });
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  } catch {
    return []; // It has ended.
  }
}

interface Started {
  url: string;
  primary: ChildProcess;
  /** The primary and its workers. */
  pids: number[];
}

async function untilAllAnswer(url: string): Promise<void> {
  const seen = new Set<string>();
  let last: unknown = null;
  await until(
    async () => {
      const health = await healthOf(url).catch((error: unknown) => void (last = String(error)));
      if (health?.ready === true) seen.add(health.node);
      if (health) last = health;
      return seen.size === workers;
    },
    { withinMs: 20_000, saw: () => [[...seen], last] },
  );
}

/** The nodes that tell how many log lines they lost, and lost any. */
async function nodesThatLost({ url }: Started): Promise<string[]> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return [...metrics.matchAll(/^tickwire_log_lines_dropped_total\{node="(.+)"\} [1-9]\d*$/gm)]
    .map(([, node = '']) => node)
    .toSorted();
}

/** Resolves when every worker answers. Killed with the test, if it still runs. */
async function start(stdout: number | 'pipe', settings: Record<string, string> = {}): Promise<Started> {
  const port = await freePort();
  const primary = spawn(process.execPath, [main], {
    env: {
      ...process.env,
      NODE_ID: 'replica',
      BACKPLANE: 'local',
      HOST: '127.0.0.1',
      PORT: String(port),
      WORKERS: String(workers),
      DRAIN_MS: '500',
      LOG_LEVEL: 'debug',
      ...settings,
    },
    stdio: ['ignore', stdout, 'inherit'],
  });
  const pid = primary.pid ?? 0;
  onTestFinished(() => {
    for (const each of running([...childrenOf(pid), pid])) process.kill(each, 'SIGKILL');
  });
  const url = `http://127.0.0.1:${port}`;
  await untilAllAnswer(url);
  return { url, primary, pids: [pid, ...childrenOf(pid)] };
}

/** 200 calls that are logged, while health answers; then a SIGTERM that leaves nothing. Gives code and signal of the end. */
async function serveAndEnd({ url, primary, pids }: Started): Promise<unknown[]> {
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 10 }, () =>
      fetch(`${url}/api/ticks?symbols=AAPL`, { signal: AbortSignal.timeout(2_000) }).then(
        ({ status }) => status,
      ),
    );
    expect(await Promise.all(calls)).toEqual(calls.map(() => 200));
    expect((await healthOf(url)).status).toBe('ok');
  }
  expect([pids[0], ...childrenOf(pids[0] ?? 0)]).toEqual(pids);
  const ended = once(primary, 'exit', { signal: AbortSignal.timeout(4_000) });
  primary.kill('SIGTERM');
  const exit: unknown[] = await ended;
  await expect.poll(() => running(pids), { timeout: 1_000 }).toEqual([]);
  return exit;
}

describe('the log', () => {
  it.skipIf(!canMount)(
    'on a full disk: its lines are lost and counted, those of the primary too',
    async () => {
      const folder = mountDisk(64);
      const file = openSync(join(folder, 'log'), 'a');
      const started = await start(file);
      closeSync(file);
      fillDisk(folder);
      expect(readdirSync(folder)).toEqual(['filler', 'log']);
      await expect
        .poll(
          async () => {
            await fetch(`${started.url}/api/ticks?symbols=AAPL`);
            return nodesThatLost(started);
          },
          { timeout: 5_000, interval: 1 },
        )
        .toEqual(['replica-1', 'replica-2']);
      // What the primary has to say of it is lost too.
      process.kill(started.pids[1] ?? 0, 'SIGKILL');
      await expect.poll(() => nodesThatLost(started), { timeout: 5_000 }).toContain('replica');
      await untilAllAnswer(started.url);
      const pids = [started.pids[0] ?? 0, ...childrenOf(started.pids[0] ?? 0)];
      expect(await serveAndEnd({ ...started, pids })).toEqual([0, null]);
    },
  );

  it('on a pipe that its reader closed, and in a file too: the file has it all', async () => {
    const folder = newFolder();
    const started = await start('pipe', { LOG_TO_FILE: 'true', LOG_DIR: folder, LOG_MAX_PER_SECOND: '0' });
    started.primary.stdout?.destroy();
    expect(await serveAndEnd(started)).toEqual([0, null]);
    const lines = readFileSync(join(folder, 'tickwire-replica.log'), 'utf8').trim().split('\n');
    const read = lines.map(
      (line) => JSON.parse(line) as { msg: string; node: string; req?: { path: string } },
    );
    const calls = read.filter(({ req }) => req?.path === '/api/ticks');
    expect(calls.map(({ msg }) => msg)).toEqual(calls.map(() => 'GET answered with 200'));
    expect(calls).toHaveLength(200);
    expect([...new Set(read.map(({ node }) => node))].toSorted()).toEqual([
      'replica',
      'replica-1',
      'replica-2',
    ]);
  });

  it('on a pipe that nobody reads', async () => {
    const started = await start('pipe', { LOG_MAX_PER_SECOND: '0' });
    started.primary.stdout?.pause();
    // 300 lines of 400 bytes are more than the system keeps of a pipe.
    const path = `x${'y'.repeat(300)}`;
    for (let round = 0; round < 10; round++)
      await Promise.all(Array.from({ length: 30 }, () => fetch(`${started.url}/api/${path}`)));
    expect(await serveAndEnd(started)).toEqual([0, null]);
  });

  it('in files that may not be written ends the start, and later loses only its lines', async ({ skip }) => {
    // Root may write everywhere, but for this.
    const bound = ['--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-all'];
    skip(spawnSync('setpriv', [...bound, 'true']).status !== 0, 'capabilities cannot be dropped here');
    const folder = newFolder();
    const spawnBound = (port: number) =>
      spawn('setpriv', [...bound, process.execPath, main], {
        env: {
          PATH: process.env['PATH'],
          HOST: '127.0.0.1',
          PORT: String(port),
          WORKERS: '1',
          NODE_ID: 'replica',
          LOG_TO_FILE: 'true',
          LOG_DIR: folder,
          LOG_MAX_SIZE: '64k',
          LOG_MAX_PER_SECOND: '0',
          LOG_LEVEL: 'info',
          DRAIN_MS: '500',
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    chmodSync(folder, 0o500);
    const refused = spawnBound(0);
    onTestFinished(() => void refused.kill('SIGKILL'));
    expect(await text(refused.stderr)).toMatch(
      /^Tickwire cannot start: the log cannot be written: EACCES.+\n$/,
    );

    chmodSync(folder, 0o700);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    const child = spawnBound(port);
    onTestFinished(() => void child.kill('SIGKILL'));
    await until(async () => (await fetch(`${url}health/ready`).catch(() => null))?.ok === true, {
      withinMs: 20_000,
    });
    chmodSync(folder, 0o500);
    // The file that is open takes its lines; no other can be made.
    await until(
      async () => {
        await call(`${url}api/${'x'.repeat(300)}`, 100, 404);
        return (await droppedLines({ url })) > 0;
      },
      { withinMs: 20_000 },
    );
    expect(namesIn(folder)).toEqual(['tickwire-replica.log']);
    expect(bytesIn(folder)).toBeLessThanOrEqual(maxBytes);
    chmodSync(folder, 0o700);
    await until(async () => {
      await call(`${url}api/again`, 1, 404);
      return linesIn(folder).some(({ req }) => req?.path === '/api/again');
    });
    child.kill('SIGTERM');
    expect(await once(child, 'exit', { signal: AbortSignal.timeout(10_000) })).toEqual([0, null]);
  });
});
