/**
 * Lines to a file that is rotated before it grows over its size: `NAME`, then `NAME.1` and so on, the highest the oldest. All
 * of them together never hold more than so many files of that size, whatever was there before. A disk that is full or gone
 * costs the lines of that time, which are counted. One process writes a file; what others do to it (delete, truncate, rename)
 * is noticed at the next line. Knows nothing of what is in a line.
 */
import { closeSync, fchmodSync, fstatSync, ftruncateSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { readSync, renameSync, rmSync, stat, statSync, write, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createLineQueue, lineEnd, linesIn, wholeLines, type LineWriter } from './line-queue.ts';

const statAsync = promisify(stat);
const writeAsync = promisify(write);

/** Where lines go, and the bounds of all files together: `maxBytes` each, `maxFiles` with the one that is written. */
export interface LogFileSettings {
  readonly path: string;
  readonly maxBytes: number;
  readonly maxFiles: number;
}

/** The files, and how many bytes of lines may wait for them; a line beyond that is lost and counted. */
export interface LogFilesOptions extends LogFileSettings {
  /** What may wait for the disk, in bytes; 1 MB by default. */
  maxWaitingBytes?: number;
}

/** Longer than any line of ours. */
const maxCutBytes = 65_536;
/** Its owner writes, its group reads. */
const fileMode = 0o640;
const folderMode = 0o750;

interface OpenFile {
  fd: number;
  ino: number;
  /** With what is underway to it. */
  size: number;
}

/** One of the files: 0 is the one that is written. */
interface Kept {
  index: number;
  size: number;
}

/** The newest of the files that fit beside a new one, given newest first. */
function keepBeside(
  files: readonly Kept[],
  { maxBytes, maxFiles }: Pick<LogFileSettings, 'maxBytes' | 'maxFiles'>,
): Kept[] {
  let room = maxBytes * (maxFiles - 1);
  const end = files.findIndex(({ size }, position) => (room -= size) < 0 || position >= maxFiles - 1);
  return files.slice(0, end === -1 ? files.length : end);
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

/** Makes the folder where it is missing. Throws an Error for people where it, or the file, cannot be written. */
export function openLogFiles(options: LogFilesOptions): LineWriter {
  const { path, maxBytes, maxWaitingBytes = 1_048_576 } = options;
  let file: OpenFile | null = null;
  /** What the disk has not been given yet. */
  let underway: Buffer = Buffer.alloc(0);

  const nameOf = (index: number): string => (index === 0 ? path : `${path}.${index}`);

  function rotated(): Kept[] {
    const name = `${basename(path)}.`;
    return readdirSync(dirname(path))
      .filter((entry) => entry.startsWith(name) && /^[1-9]\d{0,8}$/.test(entry.slice(name.length)))
      .map((entry) => ({
        index: Number(entry.slice(name.length)),
        size: statSync(join(dirname(path), entry), { throwIfNoEntry: false })?.size ?? 0,
      }))
      .toSorted((a, b) => a.index - b.index);
  }

  function removeAllBut(kept: readonly Kept[], files: readonly Kept[]): void {
    for (const one of files) if (!kept.includes(one)) rmSync(nameOf(one.index), { force: true });
  }

  /** A few renames for a whole file of lines, and only after the disk took some: it is not worth a thread. */
  function rotate(size: number): void {
    close();
    const files = [{ index: 0, size }, ...rotated()];
    const kept = keepBeside(files, options);
    removeAllBut(kept, files);
    // The oldest first, so that each finds its place free.
    for (const [rank, { index }] of [...kept.entries()].toReversed())
      renameSync(nameOf(index), nameOf(rank + 1));
  }

  function close(): void {
    const fd = file?.fd;
    file = null;
    try {
      if (fd !== undefined) closeSync(fd);
    } catch {
      // Its lines were taken, or counted as lost, before.
    }
  }

  function openFile(): OpenFile {
    mkdirSync(dirname(path), { recursive: true, mode: folderMode });
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() === false) throw new Error(`${path} is not a file`);
    if (found !== undefined && found.size > maxBytes) rotate(found.size);
    const files = rotated();
    removeAllBut(keepBeside(files, options), files);
    const fd = openSync(path, 'a+', fileMode);
    cutHalfLine(fd);
    file = { fd, ...sizeOf(fd) };
    fchmodSync(fd, fileMode);
    return file;
  }

  /** Who was killed while it wrote may have left half a line, which the next one would lengthen. */
  function cutHalfLine(fd: number): void {
    const { size } = sizeOf(fd);
    const end = Buffer.alloc(Math.min(size, maxCutBytes));
    const read = readSync(fd, end, 0, end.length, size - end.length);
    if (read === end.length && read > 0 && end[read - 1] !== lineEnd)
      ftruncateSync(fd, size - read + end.lastIndexOf(lineEnd) + 1);
  }

  function sizeOf(fd: number): { ino: number; size: number } {
    const { ino, size } = fstatSync(fd);
    return { ino, size };
  }

  /** Takes the next lines that one file has room for from what is underway, and gives them and the file. Null when all is taken. */
  function next(onLost: () => void): { to: OpenFile; lines: Buffer } | null {
    while (underway.length > 0) {
      const to = file ?? openFile();
      const bytes = wholeLines(underway, maxBytes - to.size);
      if (bytes > 0) {
        const lines = underway.subarray(0, bytes);
        underway = underway.subarray(bytes);
        to.size += bytes;
        return { to, lines };
      }
      if (to.size > 0) rotate(to.size);
      else {
        // A line that no file has room for.
        onLost();
        underway = underway.subarray(underway.indexOf('\n') + 1);
      }
    }
    return null;
  }

  /** Notices what others did to the file. */
  async function look(): Promise<void> {
    if (file === null) return;
    const seen = await statAsync(path).catch(() => null);
    if (file === null) return;
    if (seen?.ino === file.ino) file.size = seen.size;
    else close();
  }

  async function put({ fd }: OpenFile, lines: Buffer): Promise<void> {
    for (let rest = lines; rest.length > 0;) {
      const { bytesWritten } = await writeAsync(fd, rest, 0, rest.length, null);
      if (bytesWritten === 0) throw new Error('the disk took nothing');
      rest = rest.subarray(bytesWritten);
    }
  }

  /** No half line stays of what the disk did not take. */
  function takeBack(to: OpenFile, lines: Buffer): void {
    to.size -= lines.length;
    try {
      ftruncateSync(to.fd, to.size);
    } catch {
      close();
    }
  }

  async function store(): Promise<number> {
    let lost = 0;
    const lose = (lines: Buffer): void => void (lost += linesIn(lines));
    try {
      await look();
      for (let part = next(() => lost++); part !== null; part = next(() => lost++)) {
        try {
          await put(part.to, part.lines);
        } catch (error) {
          lose(part.lines);
          takeBack(part.to, part.lines);
          throw error;
        }
      }
    } catch {
      lose(underway);
      underway = Buffer.alloc(0);
    }
    return lost;
  }

  function storeNow(lines: string): number {
    let lost = 0;
    underway = Buffer.concat([underway, Buffer.from(lines)]);
    try {
      for (let part = next(() => lost++); part !== null; part = next(() => lost++)) {
        const taken = writeSync(part.to.fd, part.lines);
        lost += linesIn(part.lines.subarray(taken));
      }
    } catch {
      lost += linesIn(underway);
    }
    return lost;
  }

  try {
    openFile();
  } catch (error) {
    // A disk may be full today and not tomorrow; that a folder cannot be written is somebody's mistake.
    if (!isFull(error))
      throw new Error(`the log cannot be written: ${error instanceof Error ? error.message : ''}`, {
        cause: error,
      });
  }
  return createLineQueue({
    maxBytes: maxWaitingBytes,
    send: (lines, onDone) => {
      underway = Buffer.from(lines);
      void store().then(onDone);
    },
    sendNow: storeNow,
  });
}
