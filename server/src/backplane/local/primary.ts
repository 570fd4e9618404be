/**
 * The primary of the local cluster: hosts what the workers share, forks them, and owns the one port. It serves no
 * client itself. With it ends everything: Node ends a worker whose primary is gone.
 */
import cluster, { type Worker } from 'node:cluster';
import type { Server } from 'node:net';
import { setupPrimary as relayRoomEmits } from '@socket.io/cluster-adapter';
import type { Clock } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';
import type { LogWindow } from '../../log/contract.ts';
import { createFront } from './front.ts';
import { createFirstReady } from './first-ready.ts';
import { createHome } from './home.ts';
import { createWorkerSlot, type WorkerSlot } from './worker-slot.ts';

/** How many workers are forked, the port before it, and how much of the log it keeps. */
export interface PrimaryOptions extends LogWindow {
  /** The workers' node ids are this and `-1`, `-2` and so on. */
  node: string;
  workers: number;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** How long a worker may take to leave, in milliseconds. */
  drainMs?: number;
  /** The figures of this process, as JSON, for the workers' `/metrics`. */
  collect?: () => Promise<unknown>;
  /** Fires once, with what takes the connections, before it listens. */
  onServer?: (server: Server) => void;
  log: Log;
  clock: Clock;
}

/** The local cluster. A worker that ends is forked again, whatever ended it, until `close`. */
export interface Primary {
  /**
   * Resolves with the port once the first worker is ready and the port is open, or with null when it was closed
   * before. Rejects with an Error for people, after it closed itself, when no worker becomes ready or the port is taken.
   */
  start(): Promise<{ port: number } | null>;
  /**
   * Closes the port, asks the workers to leave and ends those that are still there after `drainMs`; `now` ends them at
   * once, also during an earlier close. Resolves when no worker is left.
   */
  close(options?: { now?: boolean }): Promise<void>;
}

/** One a process. Nothing happens before `start`. */
export function createPrimary(options: PrimaryOptions): Primary {
  const { node, workers, host, port, drainMs = 10_000, log, clock } = options;
  const home = createHome(options);
  const slots: WorkerSlot[] = [];
  const front = createFront({
    readyWorkers: () => slots.flatMap((slot) => slot.readyWorker() ?? []),
    servingWorkers: () => slots.flatMap((slot) => slot.servingWorker() ?? []),
    ...(options.onServer && { onServer: options.onServer }),
  });
  const first = createFirstReady();
  let closing: Promise<void> | null = null;

  function addSlot(name: string): void {
    const slot = createWorkerSlot({
      node: name,
      fork: () => cluster.fork({ NODE_ID: name }),
      clock,
      log,
      onFork: (worker) => {
        worker.once('exit', () => forgetWorker(worker));
        return home.admit(name, (message) => void worker.send(message, () => {}));
      },
      onReady: () => first.ready(),
      onFailedStart: (why) => first.failed(why),
    });
    slots.push(slot);
  }

  function killAll(): Promise<unknown> {
    return Promise.all(slots.map((slot) => slot.kill()));
  }

  async function drainAll(): Promise<void> {
    const cancel = clock.after(drainMs, () => void killAll());
    await Promise.all(slots.map((slot) => slot.drain()));
    cancel();
  }

  async function close({ now = false } = {}): Promise<void> {
    first.closed();
    front.close();
    closing ??= drainAll();
    if (now) await killAll();
    await closing;
  }

  return {
    async start() {
      cluster.setupPrimary({ serialization: 'advanced' });
      relayRoomEmits();
      for (let number = 1; number <= workers; number++) addSlot(`${node}-${number}`);
      try {
        if ((await first.outcome) === 'closed') return null;
        const address = await front.listen({ host, port });
        if (closing === null) return address;
        front.close();
        return null;
      } catch (error) {
        await close({ now: true });
        throw error;
      }
    },
    close,
  };
}

/** What Node's IPC channel knows of the one handle that is on its way; there is no public name for it. */
type Channel = Worker['process'] & {
  _pendingMessage?: { handle?: { close?: () => void } } | null;
};

/**
 * Clears up what Node keeps of a worker that died before it acknowledged a connection: its channel waits for that answer for ever,
 * holds the connection open, and leaves the worker in `cluster.workers`. To close such a handle twice does nothing.
 */
function forgetWorker(worker: Worker): void {
  const channel: Channel = worker.process;
  channel._pendingMessage?.handle?.close?.();
  if (cluster.workers) delete cluster.workers[worker.id];
}
