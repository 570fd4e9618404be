/**
 * A backplane for one replica in the test's own process, whose link can be cut. The true homes pass the contract suite;
 * this one is for tests of the stages above it.
 */
import { Adapter } from 'socket.io-adapter';
import {
  NoLeader,
  BackplaneUnavailable,
  type Announcement,
  type Backplane,
  type BackplaneState,
} from '../../../src/backplane/contract.ts';
import { createMemoryCallCounts } from '../../../src/backplane/local/memory-call-counts.ts';
import { createMemoryLeaderNotes } from '../../../src/backplane/local/memory-leader-notes.ts';
import { createMemoryLease } from '../../../src/backplane/local/memory-lease.ts';
import { createMemoryTickStore } from '../../../src/backplane/local/memory-tick-store.ts';
import {
  createMemoryUserSeats,
  type MemoryUserSeats,
} from '../../../src/backplane/local/memory-user-seats.ts';
import type { StoreSettings } from '../../../src/backplane/store-settings.ts';
import { systemClock } from '../../../src/support/clock.ts';

/** A backplane, and what a test does to it from outside. */
export interface MemoryBackplane extends Backplane {
  /** The seats of all nodes, which a test may take for another node. */
  readonly allSeats: MemoryUserSeats;
  /** What another replica would tell this one over the adapter. */
  hear(event: string, payload: object): void;
  /** Everything rejects while the link is down. */
  setLink(up: boolean): void;
}

/** There is nobody else to tell anything. */
class LonelyAdapter extends Adapter {
  override serverSideEmit(): void {}
}

/** With a store of the default size, or as `settings` say. Its link is up. */
export function createMemoryBackplane(node: string, settings: Partial<StoreSettings> = {}): MemoryBackplane {
  const lease = createMemoryLease();
  const leaderNotes = createMemoryLeaderNotes(lease);
  const callCounts = createMemoryCallCounts();
  const allSeats = createMemoryUserSeats();
  const tickStore = createMemoryTickStore({ clock: systemClock, ...settings });
  const announcementListeners: ((announcement: Announcement) => void)[] = [];
  const stateListeners: ((state: BackplaneState) => void)[] = [];
  const releaseListeners: (() => void)[] = [];
  const leaders = new Map<number, (request: unknown) => Promise<unknown>>();
  let state: BackplaneState = { at: 'up' };
  let hear: (event: string, payload: object) => void = () => {};

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
          if (lease.release(node, epoch)) for (const listener of releaseListeners) listener();
        }),
      onRelease: (listener) => void releaseListeners.push(listener),
    },
    leaderNotes: {
      read: (name) => reach(() => leaderNotes.read(name)),
      write: (epoch, name, text) => reach(() => leaderNotes.write(epoch, name, text)),
    },
    tickStore: {
      shards: tickStore.shards,
      shardOf: (symbol) => tickStore.shardOf(symbol),
      claim: (shard, epoch) => reach(() => tickStore.claim(shard, epoch)),
      append: (shard, append) => reach(() => tickStore.append(shard, append)),
      retire: (shard, retirement) => reach(() => tickStore.retire(shard, retirement)),
      read: (requests) => reach(() => tickStore.read(requests)),
    },
    leaderLine: {
      serve: (epoch, answer) => {
        leaders.set(epoch, answer);
        return () => void leaders.delete(epoch);
      },
      call: (epoch, request) =>
        reach(() => {
          const answer = leaders.get(epoch);
          if (answer === undefined) throw new NoLeader('nobody answers');
          return answer(request);
        }),
    },
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
      const Wrapped = wrap(LonelyAdapter);
      return function createAdapter(nsp) {
        if (nsp.name === '/') hear = (event, payload) => nsp._onServerSideEmit([event, payload]);
        return new Wrapped(nsp as never);
      };
    },
    announce: (announcement) => {
      if (state.at === 'up') for (const listener of announcementListeners) listener(announcement);
    },
    onAnnouncement: (listener) => void announcementListeners.push(listener),
    state: () => state,
    onState: (listener) => void stateListeners.push(listener),
    echo: () => reach(() => {}),
    rebuild: () => {},
    onRoundTrip: () => {},
    lostPublishes: () => 0,
    collect: async () => [],
    close: async () => {},
    hear: (event, payload) => hear(event, payload),
    setLink: (up) => {
      state = up ? { at: 'up' } : { at: 'down', since: Date.now(), reason: 'cut by the test' };
      for (const listener of stateListeners) listener(state);
    },
  };
}
