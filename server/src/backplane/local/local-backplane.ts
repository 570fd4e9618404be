/**
 * The backplane of one worker: every call goes to the primary over IPC, and room emits go through the cluster adapter
 * on the same pipe. Holds nothing but the state of that link; what is shared lives in the primary's home.ts.
 */
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { NodeClusterAdapter } from '@socket.io/cluster-adapter';
import type { Clock } from '../../support/clock.ts';
import { createClosing } from '../../support/closing.ts';
import type { Log } from '../../support/log.ts';
import {
  BackplaneUnavailable,
  NoLeader,
  type Announcement,
  type Backplane,
  type BackplaneState,
  type LeaderLine,
} from '../contract.ts';
import { createShardOf } from '../shard-of.ts';
import { storeDefaults } from '../store-settings.ts';
import { createCalls } from './calls.ts';
import { beatMs, type PrimaryCalls, type WorkerCalls } from './ipc.ts';
import { createLeaderCalls } from './leader-calls.ts';
import { onPrimaryMessage, sendToPrimary } from './worker.ts';

interface LocalBackplaneOptions {
  /** The node's id, which its lease records carry. */
  node: string;
  /** How many shards the primary's store has. */
  shards?: number;
  log: Log;
  clock: Clock;
}

/** The outcome of a call that fails is unknown, whatever went wrong. */
async function ask<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (cause) {
    throw new BackplaneUnavailable('the primary did not answer', { cause });
  }
}

/** For what needs no answer: it is lost with the link alone, and then the process ends. */
function tell(event: Promise<void>): void {
  event.catch(() => {});
}

/**
 * The backplane in a worker of `createPrimary`; it listens to the primary when this returns. It is down while the
 * primary does not answer its beats, and when the primary is gone: then Node ends the process right after. A worker
 * that closed its backplane falls silent and is ended by the primary after some seconds, if it has not ended itself.
 */
export function createLocalBackplane({
  node,
  shards = storeDefaults.shards,
  log,
  clock,
}: LocalBackplaneOptions): Backplane {
  const closing = createClosing({
    onError: (err) => log.error({ err }, 'the backplane did not close cleanly'),
  });
  const releaseListeners: (() => void)[] = [];
  const announcementListeners: ((announcement: Announcement) => void)[] = [];
  const stateListeners: ((state: BackplaneState) => void)[] = [];
  const roundTripListeners: ((ms: number) => void)[] = [];
  let state: BackplaneState = { at: 'up' };

  const leaderCalls = createLeaderCalls(log);
  const calls = createCalls<PrimaryCalls, WorkerCalls>(
    { answer: (epoch, request) => leaderCalls.answer(epoch, request) },
    (frame) => sendToPrimary({ type: 'tickwire:call', frame }),
  );
  const primary = calls.remote;
  closing.add(() => primary.$close());

  closing.add(
    onPrimaryMessage((message) => {
      if (message.type === 'tickwire:call') calls.receive(message.frame);
      if (message.type === 'tickwire:released') for (const listener of releaseListeners) listener();
      if (message.type === 'tickwire:announcement') {
        for (const listener of announcementListeners) listener(message.announcement);
      }
    }),
  );

  function change(next: BackplaneState): void {
    if (next.at === state.at) return;
    state = next;
    log.warn(
      { backplane: state },
      next.at === 'up' ? 'the primary answers again' : 'the primary is out of reach',
    );
    for (const listener of stateListeners) listener(state);
  }

  async function beat(): Promise<void> {
    const sentAt = clock.monotonic();
    const isAnswered = await primary.beat().then(
      () => true,
      () => false,
    );
    if (primary.$closed) return;
    if (isAnswered) for (const listener of roundTripListeners) listener(clock.monotonic() - sentAt);
    change(
      isAnswered ? { at: 'up' } : { at: 'down', since: clock.now(), reason: 'the primary does not answer' },
    );
  }

  function onDisconnect(): void {
    primary.$close();
    change({ at: 'down', since: clock.now(), reason: 'the primary is gone' });
  }

  closing.add(clock.every(beatMs, () => void beat()));
  // Node's own listener ends the process, so this one comes before it.
  process.prependOnceListener('disconnect', onDisconnect);
  closing.add(() => void process.off('disconnect', onDisconnect));

  const leaderLine: LeaderLine = {
    serve(epoch, answer) {
      const withdraw = leaderCalls.serve(epoch, answer);
      tell(primary.serve.asEvent(epoch));
      return () => {
        if (withdraw()) tell(primary.stopServing.asEvent(epoch));
      };
    },
    async call(epoch, request) {
      const outcome = await ask(primary.callLeader(epoch, request));
      if (outcome.ok) return outcome.answer;
      if (outcome.reason === 'nobody') throw new NoLeader(`nobody leads in epoch ${epoch}`);
      throw Object.assign(new Error(outcome.message), { name: outcome.name });
    },
  };

  /** This node's name that no process before it has had. */
  const life = `${node}:${randomUUID()}`;

  return {
    kind: 'local',
    lease: {
      read: () => ask(primary.leaseRead()),
      take: (seen) => ask(primary.leaseTake(node, seen)),
      beat: (epoch) => ask(primary.leaseBeat(node, epoch)),
      release: (epoch) => ask(primary.leaseRelease(node, epoch)),
      onRelease: (listener) => void releaseListeners.push(listener),
    },
    leaderNotes: {
      read: (name) => ask(primary.noteRead(name)),
      write: (epoch, name, text) => ask(primary.noteWrite(epoch, name, text)),
    },
    tickStore: {
      shards,
      shardOf: createShardOf(shards),
      claim: (shard, epoch) => ask(primary.claim(shard, epoch)),
      append: (shard, append) => ask(primary.append(shard, append)),
      retire: (shard, retirement) => ask(primary.retire(shard, retirement)),
      read: (requests) => ask(primary.read(requests)),
    },
    leaderLine,
    userSeats: {
      node: life,
      enter: () => ask(primary.seatsEnter(life)),
      beat: (gen, noted) => ask(primary.seatsBeat(life, gen, noted)),
      take: (gen, seats, max) => ask(primary.seatsTake(life, gen, seats, max)),
      leave: (gen, seats) => ask(primary.seatsLeave(life, gen, seats)),
      forget: (gen, other, beats) => ask(primary.seatsForget(other, gen, beats)),
      exit: (gen) => ask(primary.seatsForget(life, gen)),
    },
    callCounts: { take: (caller, limit) => ask(primary.countCall(caller, limit)) },
    adapter(wrap) {
      const Wrapped = wrap(NodeClusterAdapter);
      // Socket.IO calls it with `new`, which an arrow function does not take.
      return function createAdapter(nsp) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every adapter class takes a namespace first
        return new Wrapped(nsp as never);
      };
    },
    announce(announcement) {
      if (!primary.$closed) sendToPrimary({ type: 'tickwire:announce', announcement });
    },
    onAnnouncement: (listener) => void announcementListeners.push(listener),
    state: () => state,
    onState: (listener) => void stateListeners.push(listener),
    // Messages between workers go by the same pipe.
    echo: () => ask(primary.beat()),
    // Ticks and announcements come by the one pipe that the beats go over: where nothing comes, the beats tell of it, and
    // a pipe that is gone takes the process with it. There is nothing that could be built anew.
    rebuild() {},
    onRoundTrip: (listener) => void roundTripListeners.push(listener),
    // What cannot be sent to the primary is lost with this process.
    lostPublishes: () => 0,
    // Without an answer the figures of the workers are told all the same.
    collect: () => primary.collect().catch(() => []),
    close: () => closing.close(),
  };
}
