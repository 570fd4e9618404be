/**
 * Lines to a descriptor that somebody else opened, as standard output is: never waits, never throws, and never keeps a
 * process from its end. Lines that a full disk, a closed pipe or a slow reader does not take are dropped and counted.
 */
import { fstatSync, write, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { createLineQueue, lineEnd, linesIn, type LineWriter } from './line-queue.ts';

/** An open descriptor, which is not closed here, and the stream over it. */
export interface LineWriterOptions {
  fd: number;
  /** The stream of that descriptor; written to where it is a pipe or a socket. */
  stream: Writable;
  /** What may wait, in bytes; 1 MB by default. A line beyond it is lost and counted. */
  maxBytes?: number;
}

/**
 * A pipe is written to by its stream, which does not block: `fs.write` to one that nobody reads keeps a thread, and Node
 * waits for its threads when it ends. A file's stream would wait for the disk and throw, so files go by `fs.write`.
 */
export function createLineWriter({ fd, stream, maxBytes = 1_048_576 }: LineWriterOptions): LineWriter {
  const stat = fstatSync(fd);
  return stat.isFIFO() || stat.isSocket() ? toStream(stream, maxBytes) : toFile(fd, maxBytes);
}

function toStream(stream: Writable, maxBytes: number): LineWriter {
  let dropped = 0;
  // Each write hears of its own error.
  stream.on('error', () => {});
  return {
    write(line) {
      if (stream.writableLength + line.length > maxBytes) dropped++;
      else
        stream.write(line, (error) => {
          if (error) dropped++;
        });
    },
    dropped: () => dropped,
    flush: () => {},
  };
}

function toFile(fd: number, maxBytes: number): LineWriter {
  /** A full disk may have taken half a line. */
  let isInLine = false;

  const startOf = (lines: string): Buffer => Buffer.from((isInLine ? '\n' : '') + lines);

  function wrote(chunk: Buffer, bytes: number): Buffer {
    if (bytes > 0) isInLine = chunk[bytes - 1] !== lineEnd;
    return chunk.subarray(bytes);
  }

  /** An end alone is that of a line which was lost, and counted, before. */
  const lostIn = (chunk: Buffer): number => linesIn(chunk[0] === lineEnd ? chunk.subarray(1) : chunk);

  function send(chunk: Buffer, onDone: (lost: number) => void): void {
    write(fd, chunk, 0, chunk.length, null, (error, bytes) => {
      const rest = wrote(chunk, bytes);
      if (error === null && bytes > 0 && rest.length > 0) send(rest, onDone);
      else onDone(lostIn(rest));
    });
  }

  return createLineQueue({
    maxBytes,
    send: (lines, onDone) => send(startOf(lines), onDone),
    sendNow(lines) {
      const chunk = startOf(lines);
      try {
        return lostIn(wrote(chunk, writeSync(fd, chunk)));
      } catch {
        return lostIn(chunk);
      }
    },
  });
}
