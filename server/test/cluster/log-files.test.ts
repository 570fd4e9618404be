/** The log files of a running cluster: their bounds, and a folder that the server refuses. secrets.test.ts has what they hide. */
import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
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
} from '../support/processes/log-folder.ts';
import { until } from '../support/until.ts';

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

  it('leave out lines of a kind beyond the limit, and count them', async () => {
    const folder = newFolder();
    const cluster = await startLogged(folder, { LOG_MAX_PER_SECOND: '10', LOG_MAX_SIZE: '10m' });
    await call(`${cluster.url}api/nope`, 100, 404);
    await call(`${cluster.url}api/nodes`, 10, 200, { headers: { 'X-API-Key': apiKey } });
    const logged = (status: number): [written: number, leftOut: number] => {
      const kind = `GET answered with ${status}`;
      const lines = linesIn(folder);
      const leftOut = lines.filter(({ of }) => of === kind).map((line) => line.lines ?? 0);
      return [lines.filter(({ msg }) => msg === kind).length, leftOut.reduce((sum, one) => sum + one, 0)];
    };
    await until(() => logged(404)[0] + logged(404)[1] === 100 && logged(200)[0] + logged(200)[1] === 10, {
      saw: () => [logged(404), logged(200)],
    });
    expect(logged(404)[1]).toBeGreaterThan(0);
    expect(logged(200)).toEqual([10, 0]);
  });

  it('end the start for a folder that cannot be made, with a line that says so', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'file'), '');
    const { status, stdout, stderr } = spawnSync(process.execPath, [main], {
      env: { ...process.env, PORT: '0', LOG_TO_FILE: 'true', LOG_DIR: join(folder, 'file', 'logs') },
      encoding: 'utf8',
      timeout: 10_000,
    });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^Tickwire cannot start: the log cannot be written: .*(ENOTDIR|EEXIST).*\n$/);
  });
});
