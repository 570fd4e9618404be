/**
 * All that concerns the leader, joined: the election, what a term does, and what any replica may ask of whoever leads. The one
 * place that knows how these depend on each other. Knows no HTTP and no sockets.
 */
import { randomUUID } from 'node:crypto';
import type { Announcement, Backplane } from '../backplane/contract.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createElection, type Election, type ElectionOptions } from './election.ts';
import {
  createLeaderCalls,
  serveLeaderCalls,
  type LeaderCalls,
  type LeaderCallsOptions,
} from './leader-calls.ts';
import { createPauseNote } from './pause-note.ts';
import { createPublisher, type PublisherOptions } from './publisher.ts';

/** What is told of a term besides what the publisher tells. */
interface TermEvents {
  /** Fires when this replica leads in that epoch. */
  led(epoch: number): void;
  /** Fires when it leads no more. */
  followed(): void;
}

/** What fires as the publisher's `on...` of the same name does. */
interface PublisherEvents {
  received: PublisherOptions['onReceived'];
  appended: PublisherOptions['onAppended'];
  refused: PublisherOptions['onRefused'];
  retried: PublisherOptions['onRetried'];
}

/** What a term needs of the other stages, and what is told of it. */
export interface LeaderOptions
  extends
    Pick<PublisherOptions, 'node' | 'sources' | 'dayStartMs' | 'onTick'>,
    Pick<LeaderCallsOptions, 'refusePush' | 'reached'> {
  backplane: Pick<Backplane, 'lease' | 'leaderLine' | 'leaderNotes' | 'tickStore' | 'announce'>;
  lease: Pick<ElectionOptions, 'beatMs' | 'deadlineMs' | 'ttlMs'>;
  listKeeper: PublisherOptions['symbolList'];
  meter: TermEvents & PublisherEvents;
  /** While this replica leaves it no longer looks at the lease, and goes by what the leader says of itself. */
  isLeaving: () => boolean;
  clock: Clock;
  log: Log;
}

/** The replica that leads, and its epoch. */
export type KnownLeader = Pick<Announcement, 'node' | 'epoch'>;

/** This replica as one that may lead, and as one that asks whoever does. */
export interface Leader extends Pick<Election, 'start' | 'isLedAlive'>, LeaderCalls {
  /** Whoever leads, as far as this replica knows; null while nobody does. */
  known(): KnownLeader | null;
  isLeading(): boolean;
  /** Takes the leader's word of itself. */
  heard(announcement: Announcement): void;
  /** Stops for good; a leader clears the lease, so that another takes it at once. */
  close(): Promise<void>;
}

/** Looks at no lease before `start`. */
export function createLeader(options: LeaderOptions): Leader {
  const { backplane, lease, meter, isLeaving } = options;
  const { leaderLine, leaderNotes } = backplane;
  let announced: KnownLeader | null = null;
  let stopServing: () => void = () => {};

  const pauseNote = createPauseNote(leaderNotes);
  const publisher = createPublisher({
    ...options,
    tickStore: backplane.tickStore,
    symbolList: options.listKeeper,
    pauseNote,
    beatMs: lease.beatMs,
    makeBatchId: randomUUID,
    mayAppend: (epoch) => election.mayAppend(epoch),
    onReceived: (ticks) => meter.received(ticks),
    onAppended: (ticks, ms) => meter.appended(ticks, ms),
    onRefused: (reason) => meter.refused(reason),
    onRetried: () => meter.retried(),
    onAnnounce: (announcement) => backplane.announce(announcement),
    onFault: (epoch, reason) => election.stepDown(epoch, reason),
  });
  const election = createElection({
    ...options,
    ...lease,
    lease: backplane.lease,
    onLead: (epoch) => {
      meter.led(epoch);
      stopServing = serveLeaderCalls(leaderLine, epoch, publisher);
      publisher.lead(epoch);
    },
    onFollow: () => {
      stopServing();
      publisher.follow();
      meter.followed();
    },
  });
  const known = (): KnownLeader | null => (isLeaving() ? announced : election.leader());
  const calls = createLeaderCalls({ ...options, leaderLine, epoch: () => known()?.epoch ?? null });

  return {
    start: () => election.start(),
    isLedAlive: (since) => election.isLedAlive(since),
    known,
    isLeading: () => election.state().at === 'leading',
    heard: (announcement) => {
      announced = { node: announcement.node, epoch: announcement.epoch };
      pauseNote.heard(announcement);
    },
    ...calls,
    close: () => election.close(),
  };
}
