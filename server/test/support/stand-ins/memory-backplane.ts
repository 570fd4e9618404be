/**
 * A backplane for one replica in the test's own process, whose link can be cut. The true homes pass the contract suite;
 * this one is for tests of the stages above it.
 */
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { Adapter } from 'socket.io-adapter';
import {
  BackplaneUnavailable,
  type Backplane,
  type BackplaneState,
} from '../../../src/backplane/contract.ts';
import { createMessages } from '../../../src/backplane/messages.ts';
import { createCallCounts } from '../../../src/backplane/call-counts.ts';
import { createMemoryLease } from '../../../src/backplane/local/memory-lease.ts';
import {
  createMemoryUserSeats,
  type MemoryUserSeats,
} from '../../../src/backplane/local/memory-user-seats.ts';
import type { LogWindow } from '../../../src/log/contract.ts';
import { createMemoryLog } from '../../../src/log/memory-log.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { createLog } from '../../../src/support/log.ts';

/** A backplane, and what a test does to it from outside. */
export interface MemoryBackplane extends Backplane {
  /** The seats of all nodes, which a test may take for another node. */
  readonly allSeats: MemoryUserSeats;
  /** A message of another replica. */
  hear(topic: string, payload: object): void;
  /** Everything rejects while the link is down. */
  setLink(up: boolean): void;
  /** From now on batches are stored and reach nobody, as if pub/sub had lost them. */
  loseBatches(isLosing: boolean): void;
  /** Delivers a batch to the replica, as if another replica had appended it. The log does not have it. */
  hearBatch(bytes: Buffer): void;
}

/** The window of the default settings. */
export const defaultWindow: LogWindow = { windowMs: 120_000, maxWindowBytes: 67_108_864 };

/** With a log of the default size, or as `window` says. Its link is up. */
export function createMemoryBackplane(node: string, window: Partial<LogWindow> = {}): MemoryBackplane {
  const lease = createMemoryLease();
  const callCounts = createCallCounts(
    ({ maxCalls, spanS }) => new RateLimiterMemory({ points: maxCalls, duration: spanS }),
  );
  const allSeats = createMemoryUserSeats();
  let isLosing = false;
  const batchListeners: ((bytes: Buffer) => void)[] = [];
  const tickLog = createMemoryLog({
    ...defaultWindow,
    ...window,
    clock: systemClock,
    onBatch: (bytes) => {
      if (state.at === 'up' && !isLosing) for (const listener of batchListeners) listener(bytes);
    },
  });
  const stateListeners: ((state: BackplaneState) => void)[] = [];
  let state: BackplaneState = { at: 'up' };
  /** This replica is the only one. */
  const messages = createMessages({
    self: node,
    log: createLog({ level: 'silent', node }),
    sendAll: (message) => {
      if (state.at === 'up') messages.receive(message);
    },
    sendTo: (to, message) =>
      reach(() => {
        if (to === node) messages.receive(message);
        return to === node;
      }),
  });

  async function reach<T>(answer: () => T | Promise<T>): Promise<T> {
    if (state.at === 'down') throw new BackplaneUnavailable('cut by the test');
    return answer();
  }

  return {
    kind: 'local',
    allSeats,
    lease: {
      read: () => reach(() => lease.read()),
      take: (seen) => reach(() => lease.take(node, seen)),
      beat: (epoch) => reach(() => lease.beat(node, epoch)),
      release: (epoch) =>
        reach(() => {
          if (lease.release(node, epoch)) messages.sendAll('released', null);
        }),
      onRelease: (listener) => messages.onMessage('released', listener),
    },
    tickLog: {
      claim: (epoch) => reach(() => tickLog.claim(epoch, node)),
      append: (append) => reach(() => tickLog.append(append)),
      readState: () => reach(() => tickLog.readState()),
      readAfter: (gen, number) => reach(() => tickLog.readAfter(gen, number)),
      onBatch: (listener) => void batchListeners.push(listener),
    },
    messages,
    userSeats: {
      node,
      enter: () => reach(() => allSeats.enter(node)),
      beat: (gen, noted) => reach(() => allSeats.beat(node, gen, noted)),
      take: (gen, seats, max) => reach(() => allSeats.take(node, gen, seats, max)),
      leave: (gen, seats) => reach(() => allSeats.leave(node, gen, seats)),
      forget: (gen, other, beat) => reach(() => allSeats.forget(other, gen, beat)),
      exit: (gen) => reach(() => allSeats.forget(node, gen)),
    },
    callCounts: { take: (caller, limit) => reach(() => callCounts.take(caller, limit)) },
    adapter(wrap) {
      const Wrapped = wrap(Adapter);
      return function createAdapter(nsp) {
        return new Wrapped(nsp as never);
      };
    },
    state: () => state,
    onState: (listener) => void stateListeners.push(listener),
    rebuild: () => {},
    onRoundTrip: () => {},
    lostPublishes: () => 0,
    collect: async () => [],
    close: async () => {},
    hear: (topic, payload) => messages.receive({ from: 'another', topic, payload }),
    loseBatches: (losing) => void (isLosing = losing),
    hearBatch: (bytes) => {
      for (const listener of batchListeners) listener(bytes);
    },
    setLink: (up) => {
      state = up ? { at: 'up' } : { at: 'down', since: Date.now(), reason: 'cut by the test' };
      for (const listener of stateListeners) listener(state);
    },
  };
}
