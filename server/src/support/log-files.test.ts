/** Files of a log and their bounds. test/faults/machine.test.ts fills the disk of a process. */
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { LineWriter } from './line-queue.ts';
import { openLogFiles } from './log-files.ts';

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-log-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const bounds = { maxBytes: 100, maxFiles: 3 };
const pathIn = (folder: string): string => join(folder, 'node.log');

function openLog(more: Partial<Parameters<typeof openLogFiles>[0]> = {}) {
  const folder = newFolder();
  return { folder, writer: openLogFiles({ path: pathIn(folder), ...bounds, ...more }) };
}

/** Sizes by name. */
function sizesIn(folder: string): Record<string, number> {
  return Object.fromEntries(
    readdirSync(folder)
      .toSorted()
      .map((name) => [name, statSync(join(folder, name)).size]),
  );
}

const totalIn = (folder: string): number =>
  Object.values(sizesIn(folder)).reduce((sum, size) => sum + size, 0);

const contentOf = (folder: string, name = 'node.log'): string => readFileSync(join(folder, name), 'utf8');

/** Resolves when the line is the last of the file. */
async function written(folder: string, writer: LineWriter, line: string): Promise<void> {
  writer.write(line);
  await expect.poll(() => contentOf(folder), { interval: 1 }).toMatch(new RegExp(`(^|\n)${line}$`));
}

describe('the files of a log', () => {
  it('are rotated before they grow over their size, the oldest removed, and never hold more in all', async () => {
    const { folder, writer } = openLog();
    for (let number = 0; number < 60; number++) {
      // 40 bytes: two fit into a file.
      await written(folder, writer, `${String(number).padStart(39, 'x')}\n`);
      expect(totalIn(folder)).toBeLessThanOrEqual(300);
      for (const size of Object.values(sizesIn(folder))) expect(size).toBeLessThanOrEqual(100);
    }
    const all = ['node.log.2', 'node.log.1', 'node.log'].map((name) => contentOf(folder, name)).join('');
    expect(all.match(/\d+/g)).toEqual(['54', '55', '56', '57', '58', '59']);
    expect(writer.dropped()).toBe(0);
  });

  it('get a batch that is larger than a file as whole lines, also at the end of a process', () => {
    const { folder, writer } = openLog();
    for (let number = 10; number < 30; number++) writer.write(`${'x'.repeat(27)}${number}\n`);
    writer.flush();
    expect(sizesIn(folder)).toEqual({ 'node.log': 60, 'node.log.1': 90, 'node.log.2': 90 });
    expect(contentOf(folder)).toMatch(/^x+28\nx+29\n$/);
    expect(writer.dropped()).toBe(0);
  });

  it('may be one alone', async () => {
    const { folder, writer } = openLog({ maxFiles: 1 });
    for (let number = 10; number < 20; number++)
      await written(folder, writer, `${'x'.repeat(57)}${number}\n`);
    expect(sizesIn(folder)).toEqual({ 'node.log': 60 });
  });

  it('count what an earlier process left, also more and larger files, and those that are not theirs stay', async () => {
    const folder = newFolder();
    const old = { '': 250, '.1': 150, '.2': 60, '.7': 10, '.8': 90, '.x': 7, '.01': 7, '2.1': 7 };
    for (const [suffix, size] of Object.entries(old))
      writeFileSync(pathIn(folder) + suffix, 'o'.repeat(size - 1) + '\n');
    const theirs = { 'node.log.01': 7, 'node.log.x': 7, 'node.log2.1': 7 };
    const writer = openLogFiles({ path: pathIn(folder), ...bounds });
    expect(sizesIn(folder)).toEqual({ 'node.log': 0, ...theirs });
    await written(folder, writer, 'new\n');
    expect(sizesIn(folder)).toEqual({ 'node.log': 4, ...theirs });
  });

  it('go on where an earlier process ended', async () => {
    const folder = newFolder();
    writeFileSync(pathIn(folder), `${'a'.repeat(89)}\n`);
    writeFileSync(`${pathIn(folder)}.4`, 'b\n');
    const writer = openLogFiles({ path: pathIn(folder), ...bounds });
    await written(folder, writer, 'c\n');
    expect(sizesIn(folder)).toEqual({ 'node.log': 92, 'node.log.4': 2 });
    await written(folder, writer, `${'d'.repeat(20)}\n`);
    expect(sizesIn(folder)).toEqual({ 'node.log': 21, 'node.log.1': 92, 'node.log.2': 2 });
  });

  it('lose the half line that a killed process left, and no whole one', async () => {
    const folder = newFolder();
    for (const [left, kept] of [
      ['one\ntwo\nhal', 'one\ntwo\n'],
      ['hal', ''],
      ['one\n', 'one\n'],
      ['', ''],
    ] as const) {
      writeFileSync(pathIn(folder), left);
      const writer = openLogFiles({ path: pathIn(folder), ...bounds });
      await written(folder, writer, 'next\n');
      expect([contentOf(folder), writer.dropped()]).toEqual([`${kept}next\n`, 0]);
    }
  });

  it('are read by their group and by nobody else', async () => {
    const folder = join(newFolder(), 'a', 'b');
    const writer = openLogFiles({ path: pathIn(folder), ...bounds });
    for (const letter of 'xyz') await written(folder, writer, `${letter.repeat(59)}\n`);
    const modes = ['node.log', 'node.log.1', 'node.log.2'].map((name) => statSync(join(folder, name)).mode);
    expect(modes.map((mode) => mode & 0o777)).toEqual([0o640, 0o640, 0o640]);
    expect(statSync(folder).mode & 0o007).toBe(0);

    const open = newFolder();
    writeFileSync(pathIn(open), '');
    chmodSync(pathIn(open), 0o666);
    openLogFiles({ path: pathIn(open), ...bounds });
    expect(statSync(pathIn(open)).mode & 0o777).toBe(0o640);
  });

  it('are opened anew when somebody moved or deleted them, and counted anew when truncated', async () => {
    const { folder, writer } = openLog();
    await written(folder, writer, 'one\n');
    renameSync(pathIn(folder), join(folder, 'moved'));
    await written(folder, writer, 'two\n');
    rmSync(pathIn(folder));
    await written(folder, writer, 'three\n');
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    await written(folder, writer, 'four\n');
    appendFileSync(pathIn(folder), `${'z'.repeat(90)}\n`);
    await written(folder, writer, 'five five\n');
    expect(sizesIn(folder)).toEqual({ 'node.log': 10, 'node.log.1': 96 });
    truncateSync(pathIn(folder), 0);
    await written(folder, writer, `${'y'.repeat(95)}\n`);
    expect(sizesIn(folder)).toEqual({ 'node.log': 96, 'node.log.1': 96 });
    expect(writer.dropped()).toBe(0);
  });

  it('lose and count a line that no file has room for, and what waits beyond its bound', async () => {
    const { folder, writer } = openLog({ maxWaitingBytes: 150 });
    writer.write(`${'x'.repeat(100)}\n`);
    writer.write('short\n');
    writer.write(`${'y'.repeat(60)}\n`);
    await expect.poll(writer.dropped).toBe(2);
    expect(contentOf(folder)).toBe('short\n');
  });

  it('are lost and counted while they cannot be written, and nothing throws', async () => {
    const { folder, writer } = openLog();
    await written(folder, writer, 'one\n');
    // What lies where the file should be cannot be written.
    rmSync(pathIn(folder));
    mkdirSync(pathIn(folder));
    writer.write('two\n');
    await expect.poll(writer.dropped).toBe(1);
    writer.write('three\n');
    writer.flush();
    rmSync(pathIn(folder), { recursive: true });
    await written(folder, writer, 'four\n');
    expect([contentOf(folder), writer.dropped()]).toEqual(['four\n', 2]);
  });

  it('are refused in words where they cannot be made', () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'file'), '');
    const open = (path: string) => () => openLogFiles({ path, ...bounds });
    expect(open(join(folder, 'file', 'node.log'))).toThrow(/^the log cannot be written: .*file/);
    expect(open(folder)).toThrow(`the log cannot be written: ${folder} is not a file`);
  });
});
