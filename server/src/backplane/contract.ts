/**
 * What replicas share, behind one contract with two homes: `redis` for a cluster, `local` for one machine.
 * The contract suite in server/test/contracts runs on both. Knows nothing of feeds, sockets or HTTP.
 *
 * Every promise here rejects with `BackplaneUnavailable` when the home does not answer; the outcome of a write is
 * then unknown.
 */
import type { Adapter } from 'socket.io-adapter';
import type { Namespace } from 'socket.io';
import type { DayFigures, FeedState, Position, Quote, Tick } from '../../protocol/index.ts';

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

/**
 * Texts by name that a leader leaves for the leaders after it, such as how the list of symbols was changed. They live as
 * long as the home does, beyond any generation.
 */
export interface LeaderNotes {
  /** Null where there is none of that name. */
  read(name: string): Promise<string | null>;
  /** Writes it, where that epoch is still the lease's; else false, and nothing happened. */
  write(epoch: number, name: string, text: string): Promise<boolean>;
}

/** A tick before the store gave it its `gen` and `seq`, with the day's figures after it. */
export interface TickDraft {
  tick: Omit<Tick, 'gen' | 'seq'>;
  /** The whole day after this tick, for the stored quote. */
  day: DayFigures;
  /** The source's own number of this tick, rising per symbol: the store drops what is not newer than the last it took. */
  sourceSeq?: number;
}

/**
 * One batch of ticks for one shard. With another `gen` or `epoch` than those of the last claim it is refused, and nothing of it is
 * counted.
 */
export interface Append {
  gen: string;
  epoch: number;
  /**
   * Names this batch. Sent again right after an append whose outcome is unknown, under the same or the next epoch, it gives
   * the seqs that it got and counts nothing twice: a shard remembers its last batch.
   */
  batchId: string;
  /** At most `maxAppendTicks`, all of this shard. */
  drafts: readonly TickDraft[];
  /** Makes the append happen once however often and however late it is sent with this id; `hash` stands for its content. */
  once?: { id: string; hash: string };
}

/** What the store said to an append: counted, or refused whole. Only an append that rejected may have been either. */
export type AppendOutcome =
  /**
   * `seqs` are in the order of `drafts`; null for one that was dropped by its `sourceSeq`. `replayed`: an earlier append
   * with the same `batchId` or `once` was counted, this one was not.
   */
  | { ok: true; seqs: (number | null)[]; replayed: boolean }
  /** `epoch`: that epoch is not the claimed one. `generation`: the shard began anew. `once`: the id was used with another hash. */
  | { ok: false; reason: 'epoch' | 'generation' | 'once' };

/** Ticks in one append, so that no script holds Redis for long. */
export const maxAppendTicks = 200;
/** How long an `once` id is remembered, in milliseconds. */
export const onceTtlMs = 600_000;

/** Symbols of one shard that are listed no more, `maxAppendTicks` together at most. */
export interface Retirement {
  gen: string;
  epoch: number;
  /** Their histories go; head, quote and source number stay. */
  retired: readonly string[];
  /** All of theirs goes. So that no seq is used twice, a symbol without a head goes on behind the highest head that went so. */
  forgotten: readonly string[];
}

/** What a shard said to a claim: where it stands, or `epoch`, as a later leader has claimed it. */
export type Claim =
  /**
   * `quotes` holds the last quote of every symbol that the shard knows. One whose `seq` is 0 is from an earlier generation:
   * its price is known, its first tick of this one is 1. `sourceSeqs` holds the last number taken of each symbol that has one.
   */
  | { ok: true; gen: string; quotes: Quote[]; sourceSeqs: ReadonlyMap<string, number> }
  | { ok: false; reason: 'epoch' };

/** A question for one symbol's last quote, and for what was missed since a position. */
export interface ReadRequest {
  symbol: string;
  /** Where the asker is. Without it `missed` is null. */
  after?: Position;
  /** More missed ticks than this are not given; `missed` is then null. */
  maxMissed?: number;
}

/** One symbol as the store knew it at one moment. */
export interface StoredSymbol {
  /** Null while its shard is empty, and until it is claimed in this life of the server: so long its quote is null too. */
  gen: string | null;
  quote: Quote | null;
  /** Every tick after the position up to the quote's seq, oldest first, or null where they are not all there any more. Never a part. */
  missed: Tick[] | null;
}

/**
 * Assigns `gen` and `seq`, keeps the last quote of each symbol and its last ticks (`HISTORY_TICKS`). Symbols belong to a
 * shard, and generation, claimed epoch, heads and batch ids are the shard's. A quote's `stale` is always false: freshness is
 * not stored.
 *
 * A generation is random and made by the store itself, when it is empty or is not the same life of the same server that the
 * shard was written in: then the newest entries may be lost, and no (gen, symbol, seq) may be used twice.
 */
export interface TickStore {
  readonly shards: number;
  /** The shard of a symbol, from 0; the same on every replica with the same number of shards. */
  shardOf(symbol: string): number;
  /** What a new leader does first with each shard: writes its epoch, so that every other one is refused, and reads where it stands. */
  claim(shard: number, epoch: number): Promise<Claim>;
  append(shard: number, append: Append): Promise<AppendOutcome>;
  /** Drops what nobody can ask for any more. False, and nothing is done, where gen or epoch is another one. */
  retire(shard: number, retirement: Retirement): Promise<boolean>;
  /** In the order of the requests. Each symbol is read at one moment; many symbols may be read in several steps. */
  read(requests: readonly ReadRequest[]): Promise<StoredSymbol[]>;
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
  /**
   * Of every node that is known, this one too; a number that changes with each of its beats and never comes again, and is negative
   * before the first after it entered.
   */
  beats: ReadonlyMap<string, number>;
  /** This node's seats that other nodes' connections took over, until a beat says that they were noted. */
  lost: string[];
}

/**
 * Which user's connections are there, over all nodes. A node's seats count while the node is known: it makes itself known by
 * `enter`, renews by `beat`, and is forgotten with all its seats by `forget`. Nothing in it is a clock.
 *
 * A generation is random and made by the store itself, when it is empty or is not the same life of the same server that it
 * was written in. Where the generation of a call is not the current one, or this node is not known, nothing happens and the
 * answer is null: who held seats enters and takes them again.
 */
export interface UserSeats {
  /** This node's name among the seats, which no other process ever has. */
  readonly node: string;
  /** Makes this node known, with no seats, and gives the generation. */
  enter(): Promise<string>;
  /** Renews, and lets go what was `noted` of the lost seats. */
  beat(gen: string, noted: readonly string[]): Promise<SeatBeat | null>;
  /**
   * Takes each of the seats where the user has it already under that cid, on whatever node, or has fewer than `max`; without
   * `max` in any case. At most `maxSeatsPerCall`; the outcomes are in the order of the seats.
   */
  take(gen: string, seats: readonly Seat[], max?: number): Promise<SeatOutcome[] | null>;
  /** Frees those of the seats that this node still has. At most `maxSeatsPerCall`. */
  leave(gen: string, seats: readonly Seat[]): Promise<void>;
  /** Forgets a node and frees its seats, where its last beat is still that one. */
  forget(gen: string, node: string, beat: number): Promise<void>;
  /** Forgets this node. */
  exit(gen: string): Promise<void>;
}

/** How the list of symbols was changed while running, beside what the settings say. */
export interface SymbolChanges {
  /** Rises by 1 with each change; 0 before the first. */
  version: number;
  /** Each changed symbol once, the last change last, with the source that it was added to; null where it was retired. */
  feeds: (readonly [symbol: string, feed: string | null])[];
}

/** At most so many calls in each span, which begins with its first call. */
export interface CallLimit {
  maxCalls: number;
  spanS: number;
}

/** How many calls each caller of the API made, over all replicas. */
export interface CallCounts {
  /**
   * Counts a call of that caller; gives 0 where the limit has room for it, else the milliseconds until it has again. A caller
   * is always counted with the same limit.
   */
  take(caller: string, limit: CallLimit): Promise<number>;
}

/** What the leader tells every replica with each beat, itself included. At most once: a lost one is followed by the next. */
export interface Announcement {
  node: string;
  epoch: number;
  /** The generation of each shard. */
  gens: string[];
  /** Heads that moved of late, so that who lost the last tick before a calm learns of it: [symbol, gen, seq]. */
  heads: [symbol: string, gen: string, seq: number][];
  feed: FeedState;
  /** With `feed.sources`, which name every listed symbol, the whole list. */
  changes: SymbolChanges;
}

/** A call to the leader and its answer, from any replica, the leader itself included. Payloads are JSON. */
export interface LeaderLine {
  /** Answers calls that are meant for the leader of this epoch, until the returned function is called. */
  serve(epoch: number, answer: (request: unknown) => Promise<unknown>): () => void;
  /** Rejects with `NoLeader` when nobody serves that epoch (at once where the home knows it), or with `BackplaneUnavailable`. */
  call(epoch: number, request: unknown): Promise<unknown>;
}

/** Nobody answers for that epoch. */
export class NoLeader extends Error {
  override name = 'NoLeader';
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
  readonly leaderNotes: LeaderNotes;
  readonly tickStore: TickStore;
  readonly leaderLine: LeaderLine;
  readonly userSeats: UserSeats;
  readonly callCounts: CallCounts;
  adapter(wrap: AdapterMixin): AdapterFactory;
  /** Never throws and never waits; lost while the link is down. On one link with room emits, so it comes after earlier ticks. */
  announce(announcement: Announcement): void;
  onAnnouncement(listener: (announcement: Announcement) => void): void;
  state(): BackplaneState;
  /** Fires at each change of `state()`. `up` comes after the subscriptions are in place again: what was missed is over. */
  onState(listener: (state: BackplaneState) => void): void;
  /**
   * Resolves when a message has gone the way of those between replicas and come back to this one; rejects with
   * `BackplaneUnavailable`, within seconds, where none does.
   */
  echo(): Promise<void>;
  /** Rebuilds the links by which ticks and announcements come: they are up, and yet nothing comes. `onState` tells of it. */
  rebuild(): void;
  /** Fires with each round trip to the home that was measured, in milliseconds: a few a second, none while it does not answer. */
  onRoundTrip(listener: (ms: number) => void): void;
  /** Room emits and announcements that could not be sent, since the start. */
  lostPublishes(): number;
  /** The figures of our own process that hosts it, where there is one, as JSON for the `text` of metrics.ts; none where it does not answer. */
  collect(): Promise<unknown[]>;
  /** Ends every link for good. Room emits must have ended before. */
  close(): Promise<void>;
}
