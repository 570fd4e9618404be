/**
 * Where a log's lines go: never waits, never throws, and never keeps a process from its end. Lines that a full disk, a
 * closed pipe or a slow reader does not take are dropped and counted. Knows nothing of what is in a line.
 */
import { fstatSync, write, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';

export interface LineWriter {
  /** The line with its end. */
  write(line: string): void;
  /** How many lines were lost since the start. */
  dropped(): number;
  /** Tries once more what waits; for the end of a process. */
  flush(): void;
}

export interface LineWriterOptions {
  fd: number;
  /** The stream of that descriptor; written to where it is a pipe or a socket. */
  stream: Writable;
  /** What may wait. */
  maxBytes?: number;
}

const lineEnd = 0x0a;

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
  let waiting: string[] = [];
  let waitingBytes = 0;
  let underwayBytes = 0;
  let isPlanned = false;
  /** A full disk may have taken half a line. */
  let isInLine = false;
  let dropped = 0;

  function take(): Buffer {
    const chunk = Buffer.from((isInLine ? '\n' : '') + waiting.join(''));
    waiting = [];
    waitingBytes = 0;
    return chunk;
  }

  function wrote(chunk: Buffer, bytes: number): Buffer {
    if (bytes > 0) isInLine = chunk[bytes - 1] !== lineEnd;
    return chunk.subarray(bytes);
  }

  function lose(chunk: Buffer): void {
    // An end alone is that of a line which was lost, and counted, before.
    const from = chunk[0] === lineEnd ? 1 : 0;
    for (let at = chunk.indexOf(lineEnd, from); at !== -1; at = chunk.indexOf(lineEnd, at + 1)) dropped++;
  }

  function send(chunk: Buffer): void {
    underwayBytes = chunk.length;
    write(fd, chunk, 0, chunk.length, null, (error, bytes) => {
      const rest = wrote(chunk, bytes);
      if (error === null && bytes > 0 && rest.length > 0) {
        send(rest);
        return;
      }
      lose(rest);
      underwayBytes = 0;
      if (waiting.length > 0) send(take());
    });
  }

  return {
    write(line) {
      const bytes = Buffer.byteLength(line);
      if (waitingBytes + underwayBytes + bytes > maxBytes) {
        dropped++;
        return;
      }
      waiting.push(line);
      waitingBytes += bytes;
      if (isPlanned || underwayBytes > 0) return;
      isPlanned = true;
      // The lines of one turn go together, and in order also where the process ends in it.
      setImmediate(() => {
        isPlanned = false;
        if (waiting.length > 0 && underwayBytes === 0) send(take());
      });
    },
    dropped: () => dropped,
    flush() {
      if (waiting.length === 0) return;
      const chunk = take();
      try {
        lose(wrote(chunk, writeSync(fd, chunk)));
      } catch {
        lose(chunk);
      }
    },
  };
}
