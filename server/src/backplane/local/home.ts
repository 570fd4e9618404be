/**
 * The state that all workers share, kept in the primary: the lease, the log, the users' seats and the counts of API calls. It also
 * carries the messages between workers. Knows no processes: a worker is anything that takes messages.
 */
import { createBirpc } from 'birpc';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Clock } from '../../support/clock.ts';
import type { LogWindow } from '../../log/contract.ts';
import { createMemoryLog } from '../../log/memory-log.ts';
import { createCallCounts } from '../call-counts.ts';
import type { Message } from '../contract.ts';
import { named, type PrimaryCalls, type PrimaryMessage, type WorkerMessage } from './ipc.ts';
import { createMemoryLease } from './memory-lease.ts';
import { createMemoryUserSeats } from './memory-user-seats.ts';

/** One worker, as the home sees it. */
export interface Guest {
  /** Takes a message of the worker. Relays leave at once, so that they keep their place among room emits. */
  receive(message: WorkerMessage): void;
  /** The worker is dead for certain: its lease and its users' seats are free at once. */
  leave(): void;
}

/** Lives and ends with the primary. */
export type Home = ReturnType<typeof createHome>;

interface HomeOptions extends LogWindow {
  clock: Pick<Clock, 'monotonic'>;
  /** The figures of the process that this is in, as JSON. */
  collect?: () => Promise<unknown>;
}

/** An empty home: no leader, no generation, no quotes. */
export function createHome(options: HomeOptions) {
  const lease = createMemoryLease();
  const tickLog = createMemoryLog({
    ...options,
    onBatch: (bytes) => tellAll({ type: 'tickwire:batch', bytes }),
  });
  const userSeats = createMemoryUserSeats();
  const callCounts = createCallCounts(
    ({ maxCalls, spanS }) => new RateLimiterMemory({ points: maxCalls, duration: spanS }),
  );
  /** Each worker's name by what sends to it. */
  const workers = new Map<(message: PrimaryMessage) => void, string>();

  function tellAll(message: PrimaryMessage): void {
    for (const send of workers.keys()) send(message);
  }

  function release(node: string, epoch: number): boolean {
    const isReleased = lease.release(node, epoch);
    const message: Message = { from: node, topic: 'released', payload: null };
    if (isReleased) tellAll({ type: 'tickwire:message', message });
    return isReleased;
  }

  function sendTo(node: string, message: Message): boolean {
    const found = [...workers].filter(([, name]) => name === node);
    for (const [send] of found) send({ type: 'tickwire:message', message });
    return found.length > 0;
  }

  /**
   * Adds a worker of that name; a worker that is forked again is another one. `send` posts one message to it, and must neither throw nor
   * wait.
   */
  function admit(worker: string, send: (message: PrimaryMessage) => void): Guest {
    let held: { node: string; epoch: number } | null = null;
    let seated: { node: string; gen: string } | null = null;
    let onFrame: (frame: unknown) => void;

    const take: typeof lease.take = (node, seen) => {
      const record = lease.take(node, seen);
      if (record !== null) held = { node, epoch: record.epoch };
      return record;
    };
    const enter: typeof userSeats.enter = (node) => {
      seated = { node, gen: userSeats.enter(node) };
      return seated.gen;
    };
    const calls: PrimaryCalls = {
      ...named('lease', { ...lease, take, release }),
      ...named('log', tickLog),
      ...named('seats', { ...userSeats, enter }),
      beat: () => {},
      countCall: (...args) => callCounts.take(...args),
      sendTo,
      collect: async () => (options.collect === undefined ? [] : [await options.collect()]),
    };
    createBirpc<object, PrimaryCalls>(calls, {
      post: (frame) => send({ type: 'tickwire:call', frame }),
      on: (listener) => void (onFrame = listener),
    });

    workers.set(send, worker);
    return {
      receive(message) {
        // What a dead worker had still sent must not take the lease for it.
        if (!workers.has(send)) return;
        if (message.type === 'tickwire:call') onFrame(message.frame);
        // The sender gets its own back from here, so that it comes after the emits that it made before.
        if (message.type === 'tickwire:message') tellAll(message);
      },
      leave() {
        workers.delete(send);
        if (held !== null) release(held.node, held.epoch);
        if (seated !== null) userSeats.forget(seated.node, seated.gen);
      },
    };
  }

  return { admit };
}
