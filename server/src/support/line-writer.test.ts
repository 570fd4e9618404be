/** Lines on their way to a file or a pipe. test/faults/machine.test.ts fills the disk of a process. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLineWriter } from './line-writer.ts';

const noStream = new PassThrough();

/** Opens a file of that name in a new folder, until the test ends; `make` makes it first. */
function open(name: string, flags: string | number, make = (_path: string): void => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-lines-'));
  const path = join(folder, name);
  make(path);
  const fd = openSync(path, flags);
  onTestFinished(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return { fd, content: () => readFileSync(path, 'utf8') };
}

const openFile = () => open('log', 'w');

describe('lines to a file', () => {
  it('arrive in order, those of the last turn by flush', async () => {
    const { fd, content } = openFile();
    const writer = createLineWriter({ fd, stream: noStream });
    for (let turn = 0; turn < 3; turn++) writer.write(`a${turn}\n`);
    await expect.poll(content).toBe('a0\na1\na2\n');
    writer.write('b0\n');
    writer.write('b1\n');
    writer.flush();
    expect(content()).toBe('a0\na1\na2\nb0\nb1\n');
    expect(writer.dropped()).toBe(0);
  });

  it('are dropped and counted beyond what may wait', async () => {
    const { fd, content } = openFile();
    const writer = createLineWriter({ fd, stream: noStream, maxBytes: 10 });
    for (const name of ['aaaa', 'bbbb', 'cccc']) writer.write(`${name}\n`);
    await expect.poll(content).toBe('aaaa\nbbbb\n');
    expect(writer.dropped()).toBe(1);
  });

  it('are dropped and counted where there is no room, and nothing throws', async () => {
    const fd = openSync('/dev/full', 'w');
    onTestFinished(() => closeSync(fd));
    const writer = createLineWriter({ fd, stream: noStream });
    writer.write('one\n');
    writer.write('two\n');
    await expect.poll(writer.dropped).toBe(2);
    writer.write('three\n');
    writer.flush();
    expect(writer.dropped()).toBe(3);
  });
});

describe('lines to a pipe', () => {
  /** A stream whose reader takes a line with each `go`, and the descriptor of a pipe: only its kind is looked at. */
  function stuck(): { fd: number; stream: Writable; taken: string[]; go: () => void } {
    const { fd } = open('pipe', constants.O_RDWR, (path) => void execFileSync('mkfifo', [path]));
    const taken: string[] = [];
    let go = (): void => {};
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        taken.push(String(chunk));
        go = done;
      },
    });
    return { fd, stream, taken, go: () => go() };
  }

  it('are dropped and counted while its reader is behind', async () => {
    const { fd, stream, taken, go } = stuck();
    const writer = createLineWriter({ fd, stream, maxBytes: 10 });
    for (const name of ['aaaa', 'bbbb', 'cccc']) writer.write(`${name}\n`);
    expect(writer.dropped()).toBe(1);
    go();
    await expect.poll(() => taken).toEqual(['aaaa\n', 'bbbb\n']);
  });

  it('are dropped and counted once it is closed', async () => {
    const { fd, stream } = stuck();
    const writer = createLineWriter({ fd, stream });
    stream.destroy(new Error('EPIPE'));
    writer.write('one\n');
    writer.write('two\n');
    await expect.poll(writer.dropped).toBe(2);
  });
});
