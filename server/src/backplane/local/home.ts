/**
 * The state that all workers share, kept in the primary: one lease, the leaders' notes, one tick store, the users' seats, the
 * counts of API calls, who leads, and the relay of what the leader tells everyone. Knows no processes: a worker is whatever can be sent a message.
 */
import type { Clock } from '../../support/clock.ts';
import type { StoreSettings } from '../store-settings.ts';
import { createCalls } from './calls.ts';
import type { PrimaryCalls, PrimaryMessage, WorkerCalls, WorkerMessage } from './ipc.ts';
import { createMemoryCallCounts } from './memory-call-counts.ts';
import { createMemoryLeaderNotes } from './memory-leader-notes.ts';
import { createMemoryLease } from './memory-lease.ts';
import { createMemoryTickStore } from './memory-tick-store.ts';
import { createMemoryUserSeats } from './memory-user-seats.ts';

/** One worker, as the home sees it. */
export interface Guest {
  /** Takes a message of the worker. Relays leave at once, so that they keep their place among room emits. */
  receive(message: WorkerMessage): void;
  /** The worker is dead for certain: its lease and its users' seats are free at once, and nobody waits for its answers any longer. */
  leave(): void;
}

/** Lives and ends with the primary. Each life of a worker is a guest of its own, also where it has the node id of one before. */
export interface Home {
  /** Adds a worker. `send` posts one message to it, and must neither throw nor wait. */
  admit(send: (message: PrimaryMessage) => void): Guest;
}

interface HomeOptions extends Partial<StoreSettings> {
  clock: Pick<Clock, 'monotonic'>;
  /** The figures of the process that this is in, as JSON. */
  collect?: () => Promise<unknown>;
}

interface Leader {
  answer: WorkerCalls['answer'];
}

/** An empty home: no leader, no generation, no quotes. */
export function createHome(options: HomeOptions): Home {
  const lease = createMemoryLease();
  const leaderNotes = createMemoryLeaderNotes(lease);
  const tickStore = createMemoryTickStore(options);
  const userSeats = createMemoryUserSeats();
  const callCounts = createMemoryCallCounts();
  const leaders = new Map<number, Leader>();
  const senders = new Set<(message: PrimaryMessage) => void>();

  function tellAll(message: PrimaryMessage): void {
    for (const send of senders) send(message);
  }

  function release(node: string, epoch: number): void {
    if (lease.release(node, epoch)) tellAll({ type: 'tickwire:released' });
  }

  async function callLeader(...[epoch, request]: Parameters<PrimaryCalls['callLeader']>) {
    const leader = leaders.get(epoch);
    return leader === undefined ? ({ ok: false, reason: 'nobody' } as const) : leader.answer(epoch, request);
  }

  function admit(send: (message: PrimaryMessage) => void): Guest {
    const served = new Set<number>();
    let held: { node: string; epoch: number } | null = null;
    let seated: { node: string; gen: string } | null = null;

    const functions: PrimaryCalls = {
      beat: () => {},
      leaseRead: () => lease.read(),
      leaseTake: (node, seen) => {
        const record = lease.take(node, seen);
        if (record !== null) held = { node, epoch: record.epoch };
        return record;
      },
      leaseBeat: (node, epoch) => lease.beat(node, epoch),
      leaseRelease: release,
      noteRead: (name) => leaderNotes.read(name),
      noteWrite: (...args) => leaderNotes.write(...args),
      claim: (shard, epoch) => tickStore.claim(shard, epoch),
      append: (shard, append) => tickStore.append(shard, append),
      retire: (shard, retirement) => tickStore.retire(shard, retirement),
      read: (requests) => tickStore.read(requests),
      seatsEnter: (node) => {
        seated = { node, gen: userSeats.enter(node) };
        return seated.gen;
      },
      seatsBeat: (...args) => userSeats.beat(...args),
      seatsTake: (...args) => userSeats.take(...args),
      seatsLeave: (...args) => userSeats.leave(...args),
      seatsForget: (...args) => userSeats.forget(...args),
      countCall: (...args) => callCounts.take(...args),
      serve: (epoch) => {
        served.add(epoch);
        leaders.set(epoch, leader);
      },
      stopServing,
      callLeader,
      collect: async () => (options.collect === undefined ? [] : [await options.collect()]),
    };
    const calls = createCalls<WorkerCalls, PrimaryCalls>(functions, (frame) =>
      send({ type: 'tickwire:call', frame }),
    );
    const leader: Leader = { answer: (epoch, request) => calls.remote.answer(epoch, request) };

    function stopServing(epoch: number): void {
      served.delete(epoch);
      if (leaders.get(epoch) === leader) leaders.delete(epoch);
    }

    senders.add(send);
    return {
      receive(message) {
        // What a dead worker had still sent must not take the lease for it.
        if (!senders.has(send)) return;
        if (message.type === 'tickwire:call') calls.receive(message.frame);
        // The sender gets its own back from here, so that it comes after the emits that it made before.
        if (message.type === 'tickwire:announce') {
          tellAll({ type: 'tickwire:announcement', announcement: message.announcement });
        }
      },
      leave() {
        senders.delete(send);
        for (const epoch of served) stopServing(epoch);
        if (held !== null) release(held.node, held.epoch);
        if (seated !== null) userSeats.forget(seated.node, seated.gen);
        calls.remote.$close(new Error('the worker is gone'));
      },
    };
  }

  return { admit };
}
