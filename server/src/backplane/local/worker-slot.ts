/**
 * One place for a worker in the primary: forks it, watches that it is alive, forks it again when it ends, and lets it
 * go in the end. Knows nothing of what a worker does.
 */
import type { Worker } from 'node:cluster';
import { backoffMs } from '../../support/backoff.ts';
import type { Clock } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';
import type { Guest } from './home.ts';
import { beatMs, isWorkerMessage } from './ipc.ts';

/** A worker is ended when it said nothing for this many looks; there is one each `beatMs`. */
const maxMissedBeats = 5;
/** The same until its first word: it loads its program meanwhile. */
const maxMissedBeatsAtStart = 30;
/** A worker that said nothing for this many looks gets no new connections. */
const suspectMissedBeats = 3;
/** After a worker that lived longer than this, the back-off begins anew. */
const soundLifeMs = 10_000;
const backoff = { baseMs: 100, maxMs: 5_000 };

/** What is forked, and who is told: `onFork` comes before the other two of the same worker. */
export interface WorkerSlotOptions {
  /** For the log: the node that lives here. */
  node: string;
  fork: () => Worker;
  clock: Clock;
  log: Log;
  random?: () => number;
  /** Fires after each fork. What it returns gets the worker's messages, and is told once when the worker is dead. */
  onFork: (worker: Worker) => Guest;
  /** Fires when a worker says that it is ready. */
  onReady: () => void;
  /** Fires when a worker ended that never was ready; `why` is for people. */
  onFailedStart: (why: string) => void;
}

/** The place of one node, with one worker at most. `drain` and `kill` wait for the same end, and may both be called. */
export interface WorkerSlot {
  /** The worker that new connections may go to, if there is one now. */
  readyWorker(): Worker | null;
  /** The worker that connections of its own sessions may go to: also one that is leaving. */
  servingWorker(): Worker | null;
  /** Asks the worker to leave, or ends it where it is not ready, and forks no other. Resolves when none is left. */
  drain(): Promise<void>;
  /** Ends the worker and forks no other. Resolves when none is left. */
  kill(): Promise<void>;
}

interface Life {
  worker: Worker;
  startedAt: number;
  missedBeats: number;
  maxMissedBeats: number;
  wasReady: boolean;
  /** It said that it lets its clients go. */
  isLeaving: boolean;
}

type State =
  | { at: 'starting' | 'ready' | 'ending'; life: Life }
  /** Between two workers. */
  | { at: 'waiting'; cancel: () => void }
  | { at: 'closed' };

/** Forks the first worker at once. */
export function createWorkerSlot(options: WorkerSlotOptions): WorkerSlot {
  const { node, fork, clock, log, random, onFork, onReady, onFailedStart } = options;
  let isClosing = false;
  let attempt = 0;
  let onClosed: () => void;
  const closed = new Promise<void>((resolve) => void (onClosed = resolve));
  let state: State = start();
  const stopLooking = clock.every(beatMs, look);

  function start(): State {
    const worker = fork();
    const guest = onFork(worker);
    const life: Life = {
      worker,
      startedAt: clock.monotonic(),
      missedBeats: 0,
      maxMissedBeats: maxMissedBeatsAtStart,
      wasReady: false,
      isLeaving: false,
    };
    worker.on('message', (message: unknown) => {
      life.missedBeats = 0;
      life.maxMissedBeats = maxMissedBeats;
      if (!isWorkerMessage(message)) return;
      if (message.type === 'tickwire:ready') admit(life);
      else if (message.type === 'tickwire:leaving') life.isLeaving = true;
      else guest.receive(message);
    });

    let isOver = false;
    const finish = (why: string): void => {
      if (isOver) return;
      isOver = true;
      guest.leave();
      onEnd(life, why);
    };
    worker.once('exit', (code, signal) => finish(signal ? `signal ${signal}` : `exit code ${code}`));
    worker.on('error', (err) => {
      log.warn({ err, worker: node }, 'a message to a worker was lost');
      // Without a process there is no exit either.
      if (worker.process.pid === undefined) finish('it could not be started');
    });
    return { at: 'starting', life };
  }

  function admit(life: Life): void {
    if (state.at !== 'starting' || state.life !== life) return;
    life.wasReady = true;
    state = { at: 'ready', life };
    onReady();
  }

  function look(): void {
    if (state.at !== 'starting' && state.at !== 'ready') return;
    const { life } = state;
    life.missedBeats++;
    if (life.missedBeats < life.maxMissedBeats) return;
    log.error({ worker: node, missedBeats: life.missedBeats }, 'a worker is silent and is ended');
    end(life);
  }

  /** Counted in looks and not in time, so that a primary that slept does not take its workers for silent. */
  function end(life: Life): void {
    state = { at: 'ending', life };
    life.worker.process.kill('SIGKILL');
  }

  function onEnd(life: Life, why: string): void {
    if (isClosing) return close();
    if (clock.monotonic() - life.startedAt > soundLifeMs) attempt = 0;
    const delayMs = Math.round(backoffMs(attempt++, { ...backoff, ...(random && { random }) }));
    log.warn({ worker: node, why, delayMs }, 'a worker ended and is forked again');
    const cancel = clock.after(delayMs, () => void (state = start()));
    state = { at: 'waiting', cancel };
    if (!life.wasReady) onFailedStart(why);
  }

  function close(): void {
    state = { at: 'closed' };
    stopLooking();
    onClosed();
  }

  function leave(ask: (life: Life) => void): Promise<void> {
    isClosing = true;
    if (state.at === 'waiting') {
      state.cancel();
      close();
    } else if (state.at !== 'closed') ask(state.life);
    return closed;
  }

  function answeringWorker(): Worker | null {
    return state.at === 'ready' && state.life.missedBeats < suspectMissedBeats ? state.life.worker : null;
  }

  return {
    readyWorker: () => (state.at === 'ready' && state.life.isLeaving ? null : answeringWorker()),
    servingWorker: answeringWorker,
    drain: () =>
      leave((life) => {
        if (state.at === 'starting') end(life);
        if (state.at !== 'ready') return;
        state = { at: 'ending', life };
        life.worker.send({ type: 'tickwire:drain' }, () => {});
      }),
    kill: () => leave(end),
  };
}
