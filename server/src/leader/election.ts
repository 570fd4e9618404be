/**
 * Who may publish: takes the lease when nobody renews it, renews it while leading, and stops in time when it cannot.
 * Judges by the lease's beat on this process's monotonic clock, so that no clock jump matters. Knows nothing of ticks.
 * Keeps SPEC.md [LD1] to [LD5].
 */
import type { Lease, LeaseRecord } from '../backplane/contract.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';

/** Where this node stands; a closed one takes part no more. */
export type Leadership =
  /** `record` is the last one read; null while the lease cannot be read. */
  { at: 'following'; record: LeaseRecord | null } | { at: 'leading'; epoch: number } | { at: 'closed' };

/** The lease, the times by which it is judged, and whom a change concerns. */
export interface ElectionOptions {
  node: string;
  lease: Lease;
  clock: Clock;
  log: Log;
  /** Milliseconds between beats, and between a follower's looks. */
  beatMs: number;
  /** Milliseconds since a good beat was sent after which this node no longer leads. */
  deadlineMs: number;
  /** Milliseconds without a new beat after which a follower takes over. */
  ttlMs: number;
  /** Fires when this node holds the lease of a new epoch, and always before the `onFollow` that ends it. */
  onLead: (epoch: number) => void;
  /** Fires synchronously when leading ends, before any other node can know it. */
  onFollow: (reason: string) => void;
}

/** This node's part in the election. */
export interface Election {
  /** Looks at the lease, and from then on with each beat. Called again, it looks at once: the link may be back. */
  start(): void;
  state(): Leadership;
  /** The node that leads and its epoch, as far as this one knows; null while nobody does. */
  leader(): { node: string; epoch: number } | null;
  /**
   * Whether somebody leads, this node or one whose beat it has seen since that instant of the monotonic clock, and for so long
   * that all have heard of it.
   */
  isLedAlive(since: number): boolean;
  /** Whether the last good beat is recent enough to append in this epoch. Also ends the term when it is not. */
  mayAppend(epoch: number): boolean;
  /** Ends the term of that epoch, when it still runs. */
  stepDown(epoch: number, reason: string): void;
  /** Stops for good; a leader clears the lease, so that another takes it at once. */
  close(): Promise<void>;
}

/** Reads no lease before `start`. */
export function createElection(options: ElectionOptions): Election {
  const { node, lease, clock, log, beatMs, deadlineMs, ttlMs, onLead, onFollow } = options;
  let state: Leadership = { at: 'following', record: null };
  /** The highest epoch this process took or tried to take: a record that shows it as ours is surely no rival's. */
  let ownEpoch = 0;
  let lastGoodBeatAt = 0;
  let lastChangeAt = clock.monotonic();
  /** When the present term, of this node or of another, was first seen here. */
  let termSeenAt = clock.monotonic();
  let cancelNext: () => void = () => {};
  let turning = false;
  let turnAgain = false;
  let isReachable = true;

  function schedule(ms: number): void {
    cancelNext();
    cancelNext = clock.after(ms, turn);
  }

  /** One look or one beat; never two at a time. */
  function turn(): void {
    if (turning) {
      turnAgain = true;
      return;
    }
    turning = true;
    const startedAt = clock.monotonic();
    void (state.at === 'leading' ? renew(state.epoch) : look())
      .then(reached, (error: unknown) => {
        if (isReachable) log.warn({ err: error }, 'the lease cannot be reached; trying on');
        isReachable = false;
        lostSight();
      })
      .finally(() => {
        turning = false;
        if (state.at === 'closed') return;
        const wait = turnAgain ? 0 : Math.max(0, beatMs - (clock.monotonic() - startedAt));
        turnAgain = false;
        schedule(wait);
      });
  }

  function reached(): void {
    if (!isReachable) log.warn('the lease is reached again');
    isReachable = true;
  }

  /** Without the record nothing can be judged: a leader stops, a follower's watch begins anew. */
  function lostSight(): void {
    lastChangeAt = clock.monotonic();
    if (state.at === 'leading') stepDown(state.epoch, 'the lease cannot be renewed');
    if (state.at === 'following') state = { at: 'following', record: null };
  }

  async function renew(epoch: number): Promise<void> {
    const sentAt = clock.monotonic();
    const held = await lease.beat(epoch);
    if (!held) stepDown(epoch, 'the lease is no longer held');
    else if (state.at === 'leading' && state.epoch === epoch) lastGoodBeatAt = sentAt;
  }

  async function look(): Promise<void> {
    const seen = await lease.read();
    if (state.at !== 'following') return;
    if (!sameRecord(state.record, seen)) lastChangeAt = clock.monotonic();
    if (state.record?.epoch !== seen.epoch) termSeenAt = clock.monotonic();
    state = { at: 'following', record: seen };
    const free = seen.holder === null;
    const ours = seen.holder === node && seen.epoch === ownEpoch;
    if (free || ours || clock.monotonic() - lastChangeAt >= ttlMs) await take(seen);
  }

  async function take(seen: LeaseRecord): Promise<void> {
    const sentAt = clock.monotonic();
    ownEpoch = seen.epoch + 1;
    const taken = await lease.take(seen);
    if (taken === null) {
      turnAgain = true;
      return;
    }
    if (state.at === 'closed') {
      await lease.release(taken.epoch);
      return;
    }
    lastGoodBeatAt = sentAt;
    termSeenAt = clock.monotonic();
    state = { at: 'leading', epoch: taken.epoch };
    // The first leader of all is no news; whoever follows another, or itself, is.
    log[seen.epoch === 0 ? 'info' : 'warn']({ epoch: taken.epoch, after: seen.holder }, 'leading');
    onLead(taken.epoch);
  }

  function stepDown(epoch: number, reason: string): void {
    if (state.at !== 'leading' || state.epoch !== epoch) return;
    state = { at: 'following', record: null };
    lastChangeAt = clock.monotonic();
    log.warn({ epoch, reason }, 'no longer leading');
    onFollow(reason);
  }

  function mayAppend(epoch: number): boolean {
    if (state.at !== 'leading' || state.epoch !== epoch) return false;
    if (clock.monotonic() - lastGoodBeatAt < deadlineMs) return true;
    stepDown(epoch, `no good beat for ${deadlineMs} ms`);
    return false;
  }

  lease.onRelease(() => {
    if (state.at === 'following') turn();
  });

  return {
    start: () => {
      if (state.at !== 'closed') turn();
    },
    state: () => state,
    leader: () => {
      if (state.at === 'leading') return { node, epoch: state.epoch };
      if (state.at === 'following' && state.record !== null && state.record.holder !== null)
        return { node: state.record.holder, epoch: state.record.epoch };
      return null;
    },
    isLedAlive(since) {
      const now = clock.monotonic();
      // A new leader claims the store before it speaks.
      if (now - termSeenAt < 2 * beatMs) return false;
      if (state.at === 'leading') return true;
      const beats = state.at === 'following' && state.record !== null && state.record.holder !== null;
      return beats && lastChangeAt >= since;
    },
    mayAppend,
    stepDown,
    close: async () => {
      if (state.at === 'closed') return;
      const epoch = state.at === 'leading' ? state.epoch : null;
      state = { at: 'closed' };
      cancelNext();
      if (epoch === null) return;
      onFollow('closing');
      try {
        await lease.release(epoch);
      } catch (error) {
        log.warn(
          { err: error },
          'the lease could not be released; another node takes over when it has expired',
        );
      }
    },
  };
}

function sameRecord(a: LeaseRecord | null, b: LeaseRecord): boolean {
  return a !== null && a.holder === b.holder && a.epoch === b.epoch && a.beat === b.beat;
}
