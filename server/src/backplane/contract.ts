/**
 * What replicas share, behind one contract with two homes: `redis` for a cluster, `local` for one machine. The contract suite in
 * server/test/contracts runs on both. Knows nothing of feeds, sockets or HTTP.
 *
 * Every promise rejects with `BackplaneUnavailable` if the home does not answer; the outcome of a write is then unknown.
 */
import { z } from 'zod';
import type { Adapter } from 'socket.io-adapter';
import type { Namespace } from 'socket.io';
import type { TickLog } from '../log/contract.ts';
import type { Freshness } from '../../protocol/index.ts';

/** The home of the backplane did not answer in time, or the link to it is down. */
export class BackplaneUnavailable extends Error {
  override name = 'BackplaneUnavailable';
}

/** A Socket.IO adapter class, as the adapter packages export them. */
export type AdapterClass = new (...args: never[]) => Adapter;

/** Wraps an adapter class in a subclass of it; the fanout stage's mixin is one. */
export type AdapterMixin = (base: AdapterClass) => AdapterClass;

/** What `io.adapter()` takes. Socket.IO calls it with `new`, so it is a `function` and not an arrow. */
export type AdapterFactory = (nsp: Namespace) => Adapter;

/** Who leads: one record for the cluster. `beat` changes with each renewal; nothing in it is a clock. */
export interface LeaseRecord {
  /** The node that holds the lease; null while nobody does. */
  holder: string | null;
  /** The term. Rises by 1 with each take; 0 before the first. */
  epoch: number;
  beat: number;
}

/** The lock that makes one replica the leader. It never expires by itself: followers judge by the beat, on their own clock. */
export interface Lease {
  read(): Promise<LeaseRecord>;
  /** Takes the lease for this node when the record is still exactly `seen`; gives the new record, or null when it was not. */
  take(seen: LeaseRecord): Promise<LeaseRecord | null>;
  /** Renews. False when this node no longer holds the lease in that epoch. */
  beat(epoch: number): Promise<boolean>;
  /** Clears the holder, when it is this node in that epoch, and tells every replica. */
  release(epoch: number): Promise<void>;
  /** Fires on every replica after a release. At most once a release, and perhaps not at all: the beat is what counts. */
  onRelease(listener: () => void): void;
}

/** A user's right to one connection. */
export interface Seat {
  user: string;
  /** The client's own name of its connection: a user's seat is the connection's that came last with it. Without blanks. */
  cid: string;
  /** Names the connection on its node. Without blanks. */
  id: string;
}

/** Seats in one call, so that no script holds Redis for long. */
export const maxSeatsPerCall = 200;

/** What became of one seat that was asked for; not `ok` where the user has as many as `max` under other cids. */
export type SeatOutcome =
  /** `replaced` is the seat that the connection took over, which is gone; `node` holds the connection that had it. */
  { ok: true; replaced: { node: string; id: string } | null } | { ok: false };

/** What a node hears when it renews: who else does, and which of its own connections have lost their seats. */
export interface SeatBeat {
  /** A number per known node, this one too. It changes with each beat of the node, never comes again, and is negative before the first. */
  beats: ReadonlyMap<string, number>;
  /** This node's seats that other nodes' connections took over, until a beat says that they were noted. */
  lost: string[];
}

/**
 * The connections of each user on all nodes. A node's seats count while the node is known: from `enter` to `forget`, with a `beat` now
 * and then. Nothing in it is a clock.
 *
 * The store makes a random generation if it is empty, or if it was written in another life of the server. If a call has another
 * generation, or this node is not known, nothing happens and the answer is null: the node then enters and takes its seats again.
 */
export interface UserSeats {
  /** This node's name among the seats, which no other process ever has. */
  readonly node: string;
  /** Makes this node known, with no seats, and gives the generation. */
  enter(): Promise<string>;
  /** Renews, and lets go what was `noted` of the lost seats. */
  beat(gen: string, noted: readonly string[]): Promise<SeatBeat | null>;
  /**
   * Takes each seat that the user has under that cid already, on any node, and others up to `max` per user; without `max` all. At most
   * `maxSeatsPerCall`; the outcomes are in the order of the seats.
   */
  take(gen: string, seats: readonly Seat[], max?: number): Promise<SeatOutcome[] | null>;
  /** Frees those of the seats that this node still has. At most `maxSeatsPerCall`. */
  leave(gen: string, seats: readonly Seat[]): Promise<void>;
  /** Forgets a node and frees its seats, where its last beat is still that one. */
  forget(gen: string, node: string, beat: number): Promise<void>;
  /** Forgets this node. */
  exit(gen: string): Promise<void>;
}

/** At most so many calls in each span, which begins with its first call. */
export interface CallLimit {
  maxCalls: number;
  spanS: number;
}

/** How many calls each caller of the API made, over all replicas. */
export interface CallCounts {
  /** Counts a call; gives 0 if the limit has room for it, else the milliseconds until it has. A caller always has the same limit. */
  take(caller: string, limit: CallLimit): Promise<number>;
}

/** The state of the feed as a whole, and of each source by name. */
export interface FeedHealth {
  state: Freshness;
  /** Epoch milliseconds of the last change. */
  since: number;
  /** Empty while live. */
  reason: string;
  sources: { name: string; state: Freshness }[];
}

/** What the leader sends to every replica with each beat, itself included, with the topic `announcement`. A lost one is followed by the next. */
export interface Announcement {
  node: string;
  epoch: number;
  gen: string;
  /** The number of the last batch in the log: a replica that has not read it has lost it. */
  number: number;
  feed: FeedHealth;
}

const freshness = z.enum(['live', 'stale']);

/** An announcement as it arrives. */
export const announcementSchema: z.ZodType<Announcement> = z.object({
  node: z.string(),
  epoch: z.number(),
  gen: z.string(),
  number: z.number(),
  feed: z.object({
    state: freshness,
    since: z.number(),
    reason: z.string(),
    sources: z.array(z.object({ name: z.string(), state: freshness })),
  }),
});

/** A message between replicas. Its payload is JSON. */
export interface Message {
  /** The process that sent it. */
  from: string;
  topic: string;
  payload: unknown;
}

/** Messages between replicas. A lost one is not sent again. */
export interface Messages {
  /** To every replica, this one too. Never throws and never waits; lost while the link is down. It comes after earlier room emits. */
  sendAll(topic: string, payload: unknown): void;
  /** To the replica of that name, which may be this one; false if there is none. On its way when this returns. */
  sendTo(node: string, topic: string, payload: unknown): Promise<boolean>;
  /** Fires with each message of that topic; `isOwn` if this replica sent it. */
  onMessage(topic: string, listener: (payload: unknown, isOwn: boolean) => void): void;
}

/** Calls between replicas, made by `createCalls` over `Messages`. */
export interface Calls {
  /**
   * Asks the replica of that name, which may be this one. Rejects with `NobodyThere`, with `BackplaneUnavailable` if no answer comes
   * within `limitMs`, or with an Error if the other replica failed. On its way when this returns.
   */
  call(node: string, question: string, body: unknown, limitMs: number): Promise<unknown>;
  /** Answers that question from now on. */
  answer(question: string, answer: (body: unknown) => unknown): void;
  /** That replica is gone: calls to it end now. */
  forget(node: string): void;
}

/** What goes with a question to all other replicas. */
export interface AskOptions {
  /** How long their answers are waited for, in milliseconds. */
  limitMs: number;
  /** What is asked about; `undefined` if the question says it all. */
  body?: unknown;
  /** Whether no further answer is needed after this one. */
  isEnough?: (answer: unknown) => boolean;
}

/** What came of a question to all others. */
export interface OthersAnswers {
  /** In the order in which they came. */
  answers: unknown[];
  /** The replicas that are there and did not answer in time, by name. */
  silent: string[];
}

/** There is no replica of that name: it surely did not get the call. */
export class NobodyThere extends Error {
  override name = 'NobodyThere';
}

/** The link to the home. */
export type BackplaneState = { at: 'up' } | { at: 'down'; since: number; reason: string };

/**
 * One replica's end of what all share, by `createRedisBackplane` or `createLocalBackplane`. A listener stays until `close`: it
 * cannot be taken off.
 */
export interface Backplane {
  readonly kind: 'redis' | 'local';
  readonly lease: Lease;
  readonly tickLog: TickLog;
  readonly messages: Messages;
  readonly userSeats: UserSeats;
  readonly callCounts: CallCounts;
  adapter(wrap: AdapterMixin): AdapterFactory;
  state(): BackplaneState;
  /** Fires at each change of `state()`. `up` comes after the subscriptions are in place again: what was missed is over. */
  onState(listener: (state: BackplaneState) => void): void;
  /** Rebuilds the link by which ticks and announcements come: it is up, and yet nothing comes. `onState` reports it. */
  rebuild(): void;
  /** Fires with each round trip to the home that was measured, in milliseconds: a few a second, none while it does not answer. */
  onRoundTrip(listener: (ms: number) => void): void;
  /** Room emits and messages to all that could not be sent, since the start. */
  lostPublishes(): number;
  /** The figures of our own process that hosts it, where there is one, as JSON for the `text` of metrics.ts; none where it does not answer. */
  collect(): Promise<unknown[]>;
  /** Ends every link for good. Room emits must have ended before. */
  close(): Promise<void>;
}
