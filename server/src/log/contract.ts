/**
 * The ordered log of batches, which all replicas share: in Redis for a cluster, in the primary process for one machine. The log is
 * the only store of prices. The contract suite in server/test/contracts runs on both.
 *
 * Every promise rejects with `BackplaneUnavailable` if the store does not answer; the outcome of a write is then unknown.
 */
import type { PauseState } from './batch.ts';
import { limits, type Quote } from '../../protocol/index.ts';

/** How much of the log is kept. The oldest batches go first. */
export interface LogWindow {
  /** Milliseconds that a batch is kept (`RECOVERY_SECONDS`). */
  windowMs: number;
  /** The most bytes that batches may have together. */
  maxWindowBytes: number;
}

/** Ticks in one batch, so that one append never holds Redis for long. A push always fits into one. */
export const maxBatchTicks = limits.maxTicksPerPush;
/** Batches in one read. */
export const maxReadBatches = 100;
/** Bytes in one read, so that it is answered in time over a slow line. One larger batch is read by itself. */
export const maxReadBytes = 1_048_576;
/** How long the answer to a push is kept under its id, in milliseconds. */
export const pushTtlMs = 600_000;

/** What a new leader learns from its claim. */
export type Claim =
  /** The number of the last batch in the log; 0 for an empty one. */
  | { ok: true; gen: string; number: number }
  /** A later leader has claimed the log, or another node with this epoch. */
  | { ok: false; reason: 'epoch' };

/** A push in a batch, which counts once under its id. */
export interface StoredPush {
  id: string;
  /** Stands for the content: another hash under the same id is a conflict. */
  hash: string;
  /** What the push is answered with, now and each time that it comes again. */
  answer: string;
}

/** One batch, and what changes together with it. */
export interface Append {
  gen: string;
  epoch: number;
  /** The number of the last batch plus 1. */
  number: number;
  /** Made by `encodeBatch`. */
  bytes: Buffer;
  /** The quote after the batch of each symbol in it, and the last number of its source. */
  quotes: readonly StoredQuote[];
  pushes: readonly StoredPush[];
  /** Batches before this number leave the log. */
  oldest: number;
  /** What changed of the state that outlives generations. */
  notes?: Partial<LogNotes>;
  /** Symbols of which nothing is kept any more, and the log's floor after that. */
  forgotten?: { symbols: readonly string[]; floor: number };
}

/** A quote in the store. */
export interface StoredQuote {
  quote: Quote;
  sourceSeq: number | null;
}

/** What the store said to an append. A refused append changed nothing. */
export type AppendOutcome =
  /** It is stored, by this call or by an earlier one with the same number. Every replica receives it. */
  | { ok: true }
  /** Another epoch or another generation is claimed, or the number does not follow the last one: the store lost batches. */
  | { ok: false; reason: 'epoch' | 'generation' | 'number' }
  /** Some of its pushes were stored before: these, with their hashes and answers. */
  | { ok: false; reason: 'pushes'; known: StoredPush[] };

/** How the list of symbols differs from the settings. */
export interface SymbolChanges {
  /** Rises by 1 per change; 0 before the first. */
  version: number;
  /** Each changed symbol once, the last change last, with the source that it was added to; null if it was retired. */
  feeds: (readonly [symbol: string, feed: string | null])[];
}

/** What leaders leave for the leaders after them, beyond any generation. */
export interface LogNotes {
  /** The symbols by source in the settings of the last leader; null before the first. */
  startList: Readonly<Record<string, readonly string[]>> | null;
  /** How the list of symbols was changed. */
  list: SymbolChanges;
  pause: PauseState;
}

/** Those of a log that was never changed. */
export const noNotes: LogNotes = {
  startList: null,
  list: { version: 0, feeds: [] },
  pause: { version: 0, isPaused: false },
};

/** Everything that a replica needs to begin: the quotes after the batch `number`. */
export interface LogState {
  gen: string;
  number: number;
  /** The number of the oldest batch that is kept; `number + 1` if none is. */
  oldest: number;
  /** A quote whose `gen` is another one is from an earlier generation: its price is known, its first tick in this one has seq 1. */
  quotes: StoredQuote[];
  /** The seq that a symbol without a quote goes on from, so that no seq is used twice after a symbol was forgotten. */
  floor: number;
  notes: LogNotes;
}

/** The log as replicas see it. */
export interface TickLog {
  /**
   * Takes the log for the leader of that epoch: every other epoch, and another node with the same one, is refused from then on. Begins
   * a new, random generation if the log is empty, if it is not the same run of the same server, or if it has less than this replica
   * has read (`known`): the newest batches are then lost.
   */
  claim(epoch: number, known: { gen: string | null; number: number }): Promise<Claim>;
  /** Stores the batch and sends it to every replica, in one step. */
  append(append: Append): Promise<AppendOutcome>;
  /** Null until the log was claimed for the first time. */
  readState(): Promise<LogState | null>;
  /**
   * The batches after that number, in their order and without a hole, at most `maxReadBatches` and about `maxReadBytes`; an empty list
   * only if there is none. Null if the next one is gone, or the log has another generation.
   */
  readAfter(gen: string, number: number): Promise<Buffer[] | null>;
  /** Fires with every batch that is appended, and only with those, on every replica. A lost one is not sent again. */
  onBatch(listener: (bytes: Buffer) => void): void;
}
