/**
 * The log lines of the workers on their way to the primary, which alone writes the log's files: so one folder holds one log,
 * and its bounds, however many workers there are. Knows nothing of what is in a line.
 */
import cluster from 'node:cluster';
import process from 'node:process';
import { assert } from '../../support/assert.ts';
import { createLineQueue, linesIn, type LineWriter } from '../../support/line-queue.ts';
import { isWorkerMessage, type WorkerMessage } from './ipc.ts';

/** What may be underway to a primary that does not read. */
const maxBytes = 1_048_576;

/** Calls back with each line that a worker sent, in its order. For the primary; the listener stays for good. */
export function onLineOfWorkers(listener: (line: string) => void): void {
  cluster.on('message', (_worker, message: unknown) => {
    if (!isWorkerMessage(message) || message.type !== 'tickwire:lines') return;
    for (const line of message.lines.split(/(?<=\n)/)) listener(line);
  });
}

/** In a worker: lines that go to the primary. Those for which it is gone, or too far behind, are dropped and counted. */
export function createLinesToPrimary(): LineWriter {
  assert(process.send !== undefined, 'this process is a worker of the primary');

  function post(lines: string, onDone: (lost: number) => void): void {
    const message: WorkerMessage = { type: 'tickwire:lines', lines };
    const lose = (): void => onDone(linesIn(Buffer.from(lines)));
    if (process.connected)
      process.send?.(message, undefined, {}, (error: Error | null) => (error === null ? onDone(0) : lose()));
    else setImmediate(lose);
  }

  return createLineQueue({
    maxBytes,
    send: post,
    sendNow(lines) {
      if (!process.connected) return linesIn(Buffer.from(lines));
      post(lines, () => {});
      return 0;
    },
  });
}
