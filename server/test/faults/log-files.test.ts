/** The log files on a full disk, in a folder that was removed or locked, and after a kill. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';
import {
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
import { fillDisk, mountDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

const main = join(import.meta.dirname, '../../../dist/server/src/main.js');

describe('the log files', () => {
  it('on a full disk lose and count lines while prices go on, and continue when there is room', async ({
    skip,
  }) => {
    const folder = mountDisk(128);
    skip(folder === null, 'no file system can be mounted here: that takes root');
    if (folder === null) return;
    const cluster = await startLogged(folder, { LOG_MAX_PER_SECOND: '0' });
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

  it('continue in a folder that was deleted or moved under a flood, within their bound', async () => {
    const parent = newFolder();
    const folder = join(parent, 'logs');
    const cluster = await startLogged(folder, { LOG_MAX_PER_SECOND: '0' });
    for (const leave of [
      // The server may add a file while the folder is emptied.
      () => rmSync(folder, { recursive: true, maxRetries: 20 }),
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

  it('have only whole lines and stay within their bound after a kill under a flood', async () => {
    const folder = newFolder();
    for (let life = 0; life < 2; life++) {
      const cluster = await startLogged(folder, { LOG_MAX_PER_SECOND: '0' });
      const flood = call(`${cluster.url}api/${'x'.repeat(300)}`, 2_000, 404).catch(() => {});
      await until(() => existsSync(join(folder, 'tickwire-replica.log.1')) && bytesIn(folder) > maxBytes);
      process.kill(cluster.pid, 'SIGKILL');
      await cluster.exitCode;
      await flood;
      expect(linesIn(folder).length).toBeGreaterThan(0);
      expect(bytesIn(folder)).toBeLessThanOrEqual(maxBytes * maxFiles);
    }
  });

  it('that may not be written end the start, and later cost only their lines', async ({ skip }) => {
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
