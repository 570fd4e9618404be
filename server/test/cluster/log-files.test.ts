/** The log's files: their bounds under floods, over restarts and on a full disk, and what never is in them. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { createRecorder } from '../support/recorder.ts';
import { fillDisk, mountDisk } from '../support/small-disk.ts';
import { startClusterUnderTest } from './cluster-under-test.ts';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/embedded-cluster.ts';
import { until } from '../support/until.ts';

const main = join(import.meta.dirname, '../../../dist/server/src/main.js');
const maxBytes = 65_536;
const maxFiles = 3;
const apiKey = 'dummy-api-key-1';

interface Line {
  level: string;
  node: string;
  msg: string;
  of?: string;
  lines?: number;
  status?: number;
  req?: { id: string; method: string; path: string };
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-logs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Two workers and their primary, whose log is in that folder. */
async function start(folder: string, settings: Record<string, string> = {}): Promise<EmbeddedCluster> {
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
function namesIn(folder: string): string[] {
  const age = (name: string): number => Number(/\d+$/.exec(name)?.[0] ?? 0);
  return readdirSync(folder)
    .filter((name) => name.startsWith('tickwire-replica.log'))
    .toSorted((a, b) => age(b) - age(a));
}

/** Every line of every file, the oldest first. Fails where one is not whole. */
function linesIn(folder: string): Line[] {
  const all = namesIn(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  return all
    .join('')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

const bytesIn = (folder: string): number =>
  namesIn(folder).reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

/** Sends so many calls, some at a time, each answered with that status. */
async function call(url: string, count: number, status: number, init: RequestInit = {}): Promise<void> {
  for (let sent = 0; sent < count; sent += 20) {
    const calls = Array.from({ length: Math.min(20, count - sent) }, async () => {
      const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
      await answer.arrayBuffer();
      return answer.status;
    });
    expect(await Promise.all(calls)).toEqual(calls.map(() => status));
  }
}

async function droppedLines({ url }: Pick<EmbeddedCluster, 'url'>): Promise<number> {
  const figures = await (await fetch(`${url}metrics`)).text();
  const lost = [...figures.matchAll(/^tickwire_log_lines_dropped_total\{.*\} (\d+)$/gm)];
  return lost.reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('the log files', () => {
  it('hold the lines of the primary and of all workers, and never more than their bound, over restarts too', async () => {
    const folder = newFolder();
    for (let life = 0; life < 2; life++) {
      const cluster = await start(folder, { LOG_MAX_PER_SECOND: '0' });
      for (let round = 0; round < 5; round++) {
        await call(`${cluster.url}api/${'x'.repeat(300)}`, 60, 404);
        expect(bytesIn(folder)).toBeLessThanOrEqual(maxBytes * maxFiles);
      }
      expect(await droppedLines(cluster)).toBe(0);
      await cluster.close();
      expect(await cluster.exitCode).toBe(0);
      expect(bytesIn(folder)).toBeLessThanOrEqual(maxBytes * maxFiles);
      for (const name of namesIn(folder)) {
        expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(maxBytes);
        expect(statSync(join(folder, name)).mode & 0o777).toBe(0o640);
      }
      const lines = linesIn(folder);
      expect([...new Set(lines.map(({ node }) => node))].toSorted()).toEqual([
        'replica',
        'replica-1',
        'replica-2',
      ]);
      // The end of all is there too.
      expect(lines.findLast(({ node }) => node === 'replica')?.msg).toBe('closing');
    }
    // 600 lines were more than fits: the newest are there.
    expect(namesIn(folder)).toEqual([
      'tickwire-replica.log.2',
      'tickwire-replica.log.1',
      'tickwire-replica.log',
    ]);
    expect(bytesIn(folder)).toBeGreaterThan(maxBytes * (maxFiles - 1.1));
  });

  it('are left alone by a full disk: prices go on, lines are lost and counted, and come again when there is room', async ({
    skip,
  }) => {
    const folder = mountDisk(128);
    skip(folder === null, 'no file system can be mounted here: that takes root');
    if (folder === null) return;
    const cluster = await start(folder, { LOG_MAX_PER_SECOND: '0' });
    fillDisk(folder);
    const client = createRecorder(cluster.url, { transports: ['websocket'] });
    onTestFinished(() => client.close());
    client.follow(['BTC-USD']);
    await until(
      async () => {
        await call(`${cluster.url}api/nope`, 20, 404);
        return (await droppedLines(cluster)) >= 100;
      },
      { withinMs: 10_000 },
    );
    const seen = client.ticks().length;
    await until(() => client.ticks().length >= seen + 20);
    expect(client.faults()).toEqual([]);
    // Whole lines alone, also while it is full.
    linesIn(folder);

    rmSync(join(folder, 'filler'));
    const lost = await droppedLines(cluster);
    await call(`${cluster.url}api/again`, 1, 404);
    await until(() => linesIn(folder).some(({ req }) => req?.path === '/api/again'));
    expect(await droppedLines(cluster)).toBe(lost);
    await cluster.close();
    expect(await cluster.exitCode).toBe(0);
  });

  it('come again in a folder that was deleted or moved away under a flood, and hold their bound there', async () => {
    const parent = newFolder();
    const folder = join(parent, 'logs');
    const cluster = await start(folder, { LOG_MAX_PER_SECOND: '0' });
    for (const leave of [
      () => rmSync(folder, { recursive: true }),
      () => renameSync(folder, join(parent, 'old')),
    ]) {
      const flood = call(`${cluster.url}api/${'x'.repeat(300)}`, 300, 404);
      await until(() => existsSync(folder) && bytesIn(folder) > maxBytes, { withinMs: 10_000 });
      leave();
      await flood;
      await call(`${cluster.url}api/afterwards`, 1, 404);
      await until(
        () => existsSync(folder) && linesIn(folder).some(({ req }) => req?.path === '/api/afterwards'),
      );
      expect(bytesIn(folder)).toBeLessThanOrEqual(maxBytes * maxFiles);
    }
    expect(linesIn(join(parent, 'old')).length).toBeGreaterThan(0);
    await cluster.close();
    expect(await cluster.exitCode).toBe(0);
  });

  it('go on where a process was killed under a flood: every line is whole, and the bound is held', async () => {
    const folder = newFolder();
    for (let life = 0; life < 2; life++) {
      const cluster = await start(folder, { LOG_MAX_PER_SECOND: '0' });
      const flood = call(`${cluster.url}api/${'x'.repeat(300)}`, 2_000, 404).catch(() => {});
      await until(() => existsSync(join(folder, 'tickwire-replica.log.1')) && bytesIn(folder) > maxBytes);
      process.kill(cluster.pid, 'SIGKILL');
      await cluster.exitCode;
      await flood;
      expect(linesIn(folder).length).toBeGreaterThan(0);
      expect(bytesIn(folder)).toBeLessThanOrEqual(maxBytes * maxFiles);
    }
  });

  it('that may not be written end the start, and cost their lines alone where that comes later', async ({
    skip,
  }) => {
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

  it('stay small under a flood: what is left out is counted, and no line of another kind is missing', async () => {
    const folder = newFolder();
    const maxPerSecond = 10;
    const cluster = await start(folder, { LOG_MAX_PER_SECOND: String(maxPerSecond), LOG_MAX_SIZE: '10m' });
    const startedAt = performance.now();
    const key = { headers: { 'X-API-Key': apiKey } };
    const flood = Promise.all([
      call(`${cluster.url}api/${'x'.repeat(4_000)}`, 500, 404),
      call(`${cluster.url}api/nodes?key=dummy-wrong`, 500, 401),
    ]);
    await call(`${cluster.url}api/nodes`, 5, 200, key);
    await flood;
    await call(`${cluster.url}api/nodes`, 5, 200, key);
    const of = (status: number): { written: number; leftOut: number } => {
      const kind = `GET answered with ${status}`;
      const lines = linesIn(folder);
      return {
        written: lines.filter(({ msg }) => msg === kind).length,
        leftOut: lines.reduce((sum, line) => sum + (line.of === kind ? (line.lines ?? 0) : 0), 0),
      };
    };
    // One line a second tells of the rest, when that second is over.
    await until(
      () => [404, 401].every((status) => Object.values(of(status)).reduce((a, b) => a + b) === 500),
      { saw: () => [of(404), of(401)] },
    );
    expect(of(404).leftOut).toBeGreaterThan(0);
    expect(of(200)).toEqual({ written: 10, leftOut: 0 });
    // Two workers, each with so many lines of three kinds a second and one more for what it left out.
    const seconds = (performance.now() - startedAt) / 1_000 + 1;
    expect(bytesIn(folder)).toBeLessThan(seconds * 2 * 3 * (maxPerSecond + 1) * 512);
  });

  it('never have what is secret, whatever a caller puts where', async () => {
    const folder = newFolder();
    const secret = 'dummy-jwt-secret-of-32-bytes-000';
    const cluster = await start(folder, { LOG_LEVEL: 'trace', AUTH_MODE: 'jwt', JWT_SECRET: secret });
    const hidden = {
      'X-API-Key': 'dummy-wrong-key',
      Authorization: 'Bearer dummy.jwt.token',
      Cookie: 'session=dummy-cookie',
      'Idempotency-Key': 'dummy-idempotency',
      'X-Request-Id': 'dummy id that is none',
    };
    for (const where of ['api/ticks', 'api/ticks?token=dummy-in-query', 'api/nodes', 'health', 'api/nope'])
      for (const method of ['GET', 'PUT', 'POST'])
        await fetch(cluster.url + where, {
          method,
          headers: { ...hidden, 'Content-Type': 'application/json' },
          ...(method !== 'GET' && { body: '{"password": "dummy-in-body"' }),
        });
    await fetch(`${cluster.url}api/nodes`, { headers: { 'X-API-Key': apiKey } });
    const client = createRecorder(cluster.url, {
      transports: ['websocket'],
      auth: { token: 'dummy.socket.token' },
      query: { token: 'dummy-query-token' },
    });
    onTestFinished(() => client.close());
    await until(() => linesIn(folder).some(({ status }) => status === 200));
    await cluster.close();
    const found = namesIn(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(found.join('')).toContain('/api/nope');
    expect(found.join('')).not.toContain('dummy');
  });

  it('of replicas that share a folder are one each, with the request id that the answer has, and no password of Redis', async () => {
    const folder = newFolder();
    const cluster = await startClusterUnderTest({
      replicas: 2,
      env: { LOG_TO_FILE: 'true', LOG_DIR: folder, LOG_LEVEL: 'trace' },
      redis: { args: ['--user', 'tick', 'on', '>dummy-redis-password', '~*', '&*', '+@all'] },
      launchOf: (_node, redisUrl) => ({
        env: { REDIS_URL: redisUrl.replace('redis://', 'redis://tick:dummy-redis-password@') },
      }),
    });
    const logOf = (node: string): string => readFileSync(join(folder, `tickwire-${node}.log`), 'utf8');
    const id = (await fetch(`${cluster.url}/api/ticks`)).headers.get('x-request-id') ?? '';
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    await until(() => ['r1', 'r2'].filter((node) => logOf(node).includes(id)).length === 1);
    await cluster.redis.kill('SIGKILL');
    for (const node of ['r1', 'r2'])
      await until(() => logOf(node).includes('the backplane is down'), { withinMs: 10_000 });
    await cluster.stop();
    expect(readdirSync(folder).toSorted()).toEqual(['tickwire-r1.log', 'tickwire-r2.log']);
    expect(logOf('r1') + logOf('r2')).not.toContain('dummy');
  });

  it.each([
    ['a folder that cannot be made', (folder: string) => join(folder, 'file', 'logs'), /ENOTDIR|EEXIST/],
    ['a folder where the file should be', (folder: string) => folder, /tickwire-replica\.log is not a file/],
  ])('end the start for %s, with a line that says so', async (_what, dirIn, why) => {
    const folder = newFolder();
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'tickwire-replica.log'));
    const child = spawn(process.execPath, [main], {
      env: {
        PATH: process.env['PATH'],
        HOST: '127.0.0.1',
        PORT: '0',
        NODE_ID: 'replica',
        LOG_TO_FILE: 'true',
        LOG_DIR: dirIn(folder),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [[code], out, said] = await Promise.all([
      once(child, 'exit', { signal: AbortSignal.timeout(10_000) }),
      text(child.stdout),
      text(child.stderr),
    ]);
    expect([code, out]).toEqual([1, '']);
    expect(said).toMatch(/^Tickwire cannot start: the log cannot be written: .+\n$/);
    expect(said).toMatch(why);
  });
});
