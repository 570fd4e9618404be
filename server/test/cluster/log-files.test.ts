/** The log files: their bounds, what they must not contain, and folders that the server refuses at the start. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  apiKey,
  bytesIn,
  call,
  droppedLines,
  linesIn,
  maxBytes,
  maxFiles,
  namesIn,
  newFolder,
  startLogged,
} from '../support/log-folder.ts';
import { createRecorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { startClusterUnderTest } from './cluster-under-test.ts';

const main = join(import.meta.dirname, '../../../dist/server/src/main.js');

describe('the log files', () => {
  it('hold lines of the primary and all workers, and stay below their bound, also after a restart', async () => {
    const folder = newFolder();
    for (let life = 0; life < 2; life++) {
      const cluster = await startLogged(folder, { LOG_MAX_PER_SECOND: '0' });
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

  it('stay small under a flood: left-out lines are counted, and no line of another kind is missing', async () => {
    const folder = newFolder();
    const maxPerSecond = 10;
    const cluster = await startLogged(folder, {
      LOG_MAX_PER_SECOND: String(maxPerSecond),
      LOG_MAX_SIZE: '10m',
    });
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

  it('contain no secret that a caller sends, in any part of a request', async () => {
    const folder = newFolder();
    const secret = 'dummy-jwt-secret-of-32-bytes-000';
    const cluster = await startLogged(folder, { LOG_LEVEL: 'trace', AUTH_MODE: 'jwt', JWT_SECRET: secret });
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

  it('of replicas that share a folder are separate, have the request id of the answer, and no Redis password', async () => {
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
