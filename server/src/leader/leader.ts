/**
 * Everything about the leader, joined: the election, the terms, and what any replica may ask the leader. The only place that knows
 * how these depend on each other. Knows no HTTP and no sockets.
 */
import type { Announcement, Backplane } from '../backplane/contract.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import type { TermMeter, UnsureAppend } from './appender.ts';
import { createElection, type Election, type ElectionOptions } from './election.ts';
import {
  createLeaderCalls,
  type KnownLeader,
  type LeaderCalls,
  type LeaderCallsOptions,
} from './leader-calls.ts';
import { createTerm, type Term, type TermOptions } from './term.ts';

/** What is counted of a leader and of its terms. */
interface LeaderMeter extends TermMeter {
  /** Fires when this replica leads in that epoch. */
  led(epoch: number): void;
  /** Fires when it leads no more. */
  followed(): void;
}

/** What a term needs of the other stages, and what counts it. */
export interface LeaderOptions
  extends
    Pick<TermOptions, 'node' | 'sources' | 'dayStartMs' | 'appendMs' | 'book' | 'reader' | 'list' | 'pause'>,
    Pick<LeaderCallsOptions, 'calls' | 'refusePush' | 'reached'> {
  backplane: Pick<Backplane, 'lease' | 'tickLog' | 'messages'>;
  lease: Pick<ElectionOptions, 'beatMs' | 'deadlineMs' | 'ttlMs'>;
  meter: LeaderMeter;
  /** While this replica drains it no longer reads the lease, and goes by the leader's beats. */
  isLeaving: () => boolean;
  clock: Clock;
  log: Log;
}

/** This replica as one that may lead, and as one that asks the leader. */
export interface Leader extends Pick<Election, 'start' | 'isLedAlive'>, LeaderCalls {
  /** The leader as far as this replica knows; null if there is none. */
  known(): KnownLeader | null;
  isLeading(): boolean;
  /** Takes the leader's word about itself. */
  heard(announcement: Announcement): void;
  /** Stops for good. A leader clears the lease, so that another replica takes it at once. */
  close(): Promise<void>;
}

/** Reads no lease before `start`. */
export function createLeader(options: LeaderOptions): Leader {
  const { backplane, lease, meter, isLeaving } = options;
  let announced: KnownLeader | null = null;
  let leading: { epoch: number; term: Term } | null = null;
  /** What the term before left. */
  let unsure: Promise<UnsureAppend | null> = Promise.resolve(null);

  const election = createElection({
    ...options,
    ...lease,
    lease: backplane.lease,
    onLead: (epoch) => {
      meter.led(epoch);
      const term = createTerm({
        ...options,
        epoch,
        unsure,
        tickLog: backplane.tickLog,
        beatMs: lease.beatMs,
        mayAppend: (own) => election.mayAppend(own),
        onAnnounce: (announcement) => backplane.messages.sendAll('announcement', announcement),
        onFault: (reason) => election.stepDown(epoch, reason),
      });
      leading = { epoch, term };
    },
    onFollow: () => {
      if (leading !== null) unsure = leading.term.close();
      leading = null;
      meter.followed();
    },
  });
  const known = (): KnownLeader | null => (isLeaving() ? announced : election.leader());
  const calls = createLeaderCalls({
    ...options,
    known,
    termOf: (epoch) => (leading?.epoch === epoch ? leading.term : null),
  });

  return {
    start: () => election.start(),
    isLedAlive: (since) => election.isLedAlive(since),
    known,
    isLeading: () => election.state().at === 'leading',
    heard: ({ node, epoch }) => {
      announced = { node, epoch };
    },
    ...calls,
    close: () => election.close(),
  };
}
