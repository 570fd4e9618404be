/**
 * Clears up what Node keeps of a worker that died before it acknowledged a connection: its channel then waits for that
 * answer for ever, never emits `disconnect`, holds the connection open, and leaves the worker in `cluster.workers`.
 */
import cluster, { type Worker } from 'node:cluster';

/** What Node's IPC channel knows of the one handle that is on its way; there is no public name for it. */
type Channel = Worker['process'] & {
  _pendingMessage?: { handle?: { close?: () => void } } | null;
};

/** To be called when the worker has exited. Closing such a handle a second time does nothing. */
export function forgetWorker(worker: Worker): void {
  const channel: Channel = worker.process;
  channel._pendingMessage?.handle?.close?.();
  if (cluster.workers) delete cluster.workers[worker.id];
}
