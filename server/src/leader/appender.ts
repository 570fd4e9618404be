/**
 * The leader's only way to the log in one term: collects what sources, pushes and list changes bring, numbers the ticks, and appends
 * one batch at a time. Knows neither sources nor the lease. Keeps SPEC.md [PB1] to [PB6].
 */
import {
  quoteOf,
  refusal,
  type DayFigures,
  type Quote,
  type Refusal,
  type Tick,
} from '../../protocol/index.ts';
import { encodeBatch, type BatchRecord, type DayAfter } from '../log/batch.ts';
import {
  maxBatchTicks,
  type Append,
  type LogNotes,
  type StoredPush,
  type StoredQuote,
  type TickLog,
} from '../log/contract.ts';
import type { PriceBook } from '../log/price-book.ts';
import type { Clock } from '../support/clock.ts';
import { draftTick, type SourceTick } from './draft.ts';

/** Ticks that a program pushed. With `once` the push counts once, however often it comes with the same id and hash. */
export interface PushBatch {
  ticks: SourceTick[];
  once?: { id: string; hash: string };
}

/** The place of each pushed tick. */
type PushedTick = { symbol: string; gen: string; seq: number };

/** In the order of the push. `replayed` if an earlier call was counted and this is its answer. */
export type PushOutcome =
  /** `number` is that of the batch that holds the ticks, as far as the leader knows it. */
  { ok: true; replayed: boolean; ticks: PushedTick[]; number: number } | { ok: false; refusal: Refusal };

/** A change that is no price, and what the store keeps of it. */
export interface RecordedChange {
  record: BatchRecord;
  notes: Partial<LogNotes>;
  forgotten?: readonly string[];
}

/** What is counted of a term. */
export interface TermMeter {
  /** Fires with what a source or a push gave, before it waits for the log. */
  received(ticks: readonly SourceTick[]): void;
  /** Fires after each append that the log took, with its ticks and how long it took in milliseconds. */
  appended(ticks: readonly Tick[], ms: number): void;
  /** Fires after each append that the log refused, with the reason, or did not answer (`unavailable`). */
  refused(reason: 'epoch' | 'generation' | 'number' | 'unavailable'): void;
  /** Fires for each tick of a source that is dropped: it is malformed, or of a symbol that the source does not have. */
  badTick(): void;
  /** Fires if the source's ticks of an append without an answer are appended again. */
  retried(): void;
}

/** What a term appends to, and everything that it reports. */
export interface AppenderOptions {
  tickLog: Pick<TickLog, 'append'>;
  gen: string;
  epoch: number;
  /** What was known before this term: all of the log. Batches of this term arrive there later. */
  book: Pick<PriceBook, 'number' | 'quote' | 'seq' | 'sourceSeq' | 'floor' | 'logOldest' | 'lost'>;
  clock: Pick<Clock, 'monotonic' | 'after'>;
  /** Milliseconds between two appends. The first one after a calm is made at once. */
  appendMs: number;
  /** Ticks that may wait. Beyond it sources lose their newest, and pushes are refused. */
  maxQueuedTicks: number;
  dayStartMs: number;
  /** Asked right before each append. */
  mayAppend: (epoch: number) => boolean;
  meter: Pick<TermMeter, 'appended' | 'refused'>;
  /** Fires once, if the term cannot go on. */
  onFault: (reason: string, error?: unknown) => void;
}

/** An append without an answer: the batch with that number was stored, or it was not. */
export interface UnsureAppend {
  gen: string;
  epoch: number;
  number: number;
  /** What sources gave. Pushes are not here: whoever pushed was told that the outcome is unknown. */
  ticks: readonly SourceTick[];
}

/** One term's appends. Nothing here rejects. */
export interface Appender {
  /** The number of the last batch that is stored. */
  number(): number;
  /** Appends what a source gave; returns how many ticks did not fit and were dropped. */
  take(ticks: readonly SourceTick[]): number;
  push(push: PushBatch): Promise<PushOutcome>;
  /** Appends a change behind all that came before it; returns a refusal, or null once it is stored. */
  change(change: RecordedChange): Promise<Refusal | null>;
  /** The symbol's last quote, also of ticks that replicas do not have yet. */
  quote(symbol: string): Quote | null;
  /** The last number of its source; null if it has none. */
  sourceSeq(symbol: string): number | null;
  /** Ends the term: what waits is refused. Resolves when the append under way is answered or given up, with what is unsure. */
  close(): Promise<UnsureAppend | null>;
}

type Job =
  | { kind: 'source'; ticks: readonly SourceTick[] }
  | (PushBatch & { kind: 'push'; settle: (outcome: PushOutcome) => void })
  | (RecordedChange & { kind: 'change'; settle: (refused: Refusal | null) => void });

/** Jobs that go together, with their ticks numbered. Nothing of it counts before the log took it. */
interface Draft {
  jobs: Job[];
  ticks: Tick[];
  days: DayAfter[];
  sourceSeqs: (number | null)[];
  /** The place of each tick of a push, by its job. */
  pushed: Map<Job, PushedTick[]>;
  heads: Map<string, StoredQuote>;
}

/** Appends nothing before the first call. */
export function createAppender(options: AppenderOptions): Appender {
  const { tickLog, gen, epoch, book, clock, appendMs, maxQueuedTicks, dayStartMs } = options;
  const { mayAppend, meter, onFault } = options;
  let number = book.number();
  /** What this term has appended, by symbol. */
  const heads = new Map<string, StoredQuote>();
  /** Symbols that this term has forgotten: the book may not know yet. */
  const forgottenHere = new Set<string>();
  let floor = book.floor();
  let jobs: Job[] = [];
  let waitingTicks = 0;
  let isClosed = false;
  let isTimed = false;
  let hasAppended = false;
  let cancelTimer: () => void = () => {};
  let underway: Promise<void> | null = null;
  let unsure: UnsureAppend | null = null;

  function add(job: Job): void {
    jobs.push(job);
    if (job.kind !== 'change') waitingTicks += job.ticks.length;
    start();
  }

  /**
   * The first append after a calm is made at once; what comes within `appendMs` of it goes together. What did not fit into the batch
   * before does not wait.
   */
  function start(): void {
    const mustWait = isTimed && waitingTicks < maxBatchTicks;
    if (underway !== null || mustWait || isClosed || jobs.length === 0) return;
    isTimed = true;
    cancelTimer();
    cancelTimer = clock.after(appendMs, () => {
      isTimed = false;
      start();
    });
    underway = appendNext()
      .catch((error: unknown) => fail('a batch could not be made', error))
      .finally(() => {
        underway = null;
        start();
      });
  }

  async function appendNext(): Promise<void> {
    const draft = draftBatch();
    if (draft.ticks.length === 0 && !draft.jobs.some((job) => job.kind === 'change')) {
      settle(draft);
      return;
    }
    if (!mayAppend(epoch)) {
      refuse(draft.jobs, 'no_leader');
      return;
    }
    try {
      await append(draft);
    } catch (error) {
      refuse(draft.jobs, 'no_leader');
      throw error;
    }
  }

  async function append(draft: Draft): Promise<void> {
    const startedAt = clock.monotonic();
    const changes = draft.jobs.flatMap((job) => (job.kind === 'change' ? [job] : []));
    const notes: Partial<LogNotes> = {};
    for (const change of changes) Object.assign(notes, change.notes);
    const batch: Append = {
      gen,
      epoch,
      number: number + 1,
      bytes: encodeBatch({
        gen,
        epoch,
        number: number + 1,
        ticks: draft.ticks,
        days: draft.days,
        sourceSeqs: draft.sourceSeqs,
        records: changes.map(({ record }) => record),
      }),
      quotes: [...(hasAppended ? [] : book.lost()), ...draft.heads.values()],
      pushes: pushesOf(draft),
      oldest: book.logOldest(),
      notes,
    };
    const forgotten = changes.flatMap((change) => change.forgotten ?? []);
    if (forgotten.length > 0) batch.forgotten = { symbols: forgotten, floor: floorWithout(forgotten) };

    unsure = { gen, epoch, number: number + 1, ticks: sourceTicksOf(draft) };
    try {
      const outcome = await tickLog.append(batch);
      unsure = null;
      if (outcome.ok) {
        number = batch.number;
        hasAppended = true;
        for (const [symbol, head] of draft.heads) heads.set(symbol, head);
        for (const symbol of forgotten) {
          heads.delete(symbol);
          forgottenHere.add(symbol);
        }
        floor = batch.forgotten?.floor ?? floor;
        meter.appended(draft.ticks, clock.monotonic() - startedAt);
        settle(draft);
      } else if (outcome.reason === 'pushes') settleKnown(draft, outcome.known);
      else {
        meter.refused(outcome.reason);
        refuse(draft.jobs, 'no_leader');
        fail(faults[outcome.reason]);
      }
    } catch (error) {
      meter.refused('unavailable');
      // A source's ticks are not refused: the next term knows whether they are stored.
      refuse(draft.jobs, 'push_unconfirmed');
      fail('an append failed', error);
    }
  }

  /** Takes jobs up to the size of a batch, up to the first change, and up to a second push with one id. */
  function draftBatch(): Draft {
    const draft: Draft = {
      jobs: [],
      ticks: [],
      days: [],
      sourceSeqs: [],
      pushed: new Map(),
      heads: new Map(),
    };
    const ids = new Set<string>();
    let count = 0;
    for (const job of jobs) {
      const size = job.kind === 'change' ? 0 : job.ticks.length;
      if (draft.jobs.length > 0 && count + size > maxBatchTicks) break;
      const id = job.kind === 'push' ? job.once?.id : undefined;
      if (id !== undefined && ids.has(id)) break;
      if (id !== undefined) ids.add(id);
      count += size;
      const from = draft.ticks.length;
      if (job.kind !== 'change') for (const tick of job.ticks) numberTick(draft, tick);
      draft.jobs.push(job);
      if (job.kind === 'push') draft.pushed.set(job, placesOf(draft.ticks.slice(from)));
      if (job.kind === 'change') break;
    }
    jobs = jobs.slice(draft.jobs.length);
    waitingTicks -= count;
    return draft;
  }

  /** What is known of the symbol after all that was appended, and after the draft. */
  function headOf(
    symbol: string,
    drafted?: ReadonlyMap<string, StoredQuote>,
  ): { quote: Quote | null; seq: number; sourceSeq: number | null } {
    const head = drafted?.get(symbol) ?? heads.get(symbol);
    if (head !== undefined) return { ...head, seq: head.quote.seq };
    if (forgottenHere.has(symbol)) return { quote: null, seq: floor, sourceSeq: null };
    return { quote: book.quote(symbol), seq: book.seq(symbol), sourceSeq: book.sourceSeq(symbol) };
  }

  /** Gives the tick its seq, unless its source gave it before. */
  function numberTick(draft: Draft, source: SourceTick): void {
    const { symbol } = source;
    const { quote, seq: lastSeq, sourceSeq: lastSourceSeq } = headOf(symbol, draft.heads);
    const { sourceSeq = null } = source;
    if (sourceSeq !== null && lastSourceSeq !== null && sourceSeq <= lastSourceSeq) return;
    const seq = lastSeq + 1;
    const { tick: drafted, day } = draftTick(quote, source, dayStartMs);
    // Replicas may know other quotes from before this generation.
    if (seq === 1) drafted.day = day;
    // The order of the keys is the order on the wire.
    const tick: Tick = Object.assign({ symbol, gen, seq }, drafted);
    draft.ticks.push(tick);
    draft.days.push(quote !== null && seq > 1 && isOnlyVolumeNew(quote, day) ? day.volume : day);
    draft.sourceSeqs.push(sourceSeq);
    draft.heads.set(symbol, { quote: quoteOf(tick, tick, day), sourceSeq: sourceSeq ?? lastSourceSeq });
  }

  function pushesOf({ jobs: drafted, pushed }: Draft): StoredPush[] {
    return drafted.flatMap((job) =>
      job.kind === 'push' && job.once !== undefined
        ? [{ ...job.once, answer: JSON.stringify(pushed.get(job)) }]
        : [],
    );
  }

  function settle({ jobs: drafted, pushed }: Draft): void {
    for (const job of drafted) {
      if (job.kind === 'push')
        job.settle({ ok: true, replayed: false, ticks: pushed.get(job) ?? [], number });
      if (job.kind === 'change') job.settle(null);
    }
  }

  /** Answers the pushes that were stored before, and puts everything else back. */
  function settleKnown(draft: Draft, known: readonly StoredPush[]): void {
    const byId = new Map(known.map((push) => [push.id, push]));
    const rest = draft.jobs.filter((job) => {
      const stored = job.kind === 'push' ? byId.get(job.once?.id ?? '') : undefined;
      if (job.kind !== 'push' || stored === undefined) return true;
      if (stored.hash !== job.once?.hash) job.settle({ ok: false, refusal: refusal('idempotency_conflict') });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `pushesOf` wrote it
      else job.settle({ ok: true, replayed: true, ticks: JSON.parse(stored.answer) as PushedTick[], number });
      return false;
    });
    if (isClosed) {
      refuse(rest, 'no_leader');
      return;
    }
    jobs = [...rest, ...jobs];
    for (const job of rest) if (job.kind !== 'change') waitingTicks += job.ticks.length;
  }

  function refuse(refused: readonly Job[], name: 'no_leader' | 'push_unconfirmed'): void {
    for (const job of refused) {
      if (job.kind === 'push') job.settle({ ok: false, refusal: refusal(name) });
      if (job.kind === 'change')
        job.settle(refusal(name === 'no_leader' ? name : unconfirmed[job.record.kind]));
    }
  }

  function fail(reason: string, error?: unknown): void {
    if (!isClosed) onFault(reason, error);
  }

  function floorWithout(symbols: readonly string[]): number {
    return Math.max(floor, book.floor(), ...symbols.map((symbol) => headOf(symbol).seq));
  }

  return {
    number: () => number,
    take: (ticks) => {
      const fitting = isClosed ? [] : ticks.slice(0, Math.max(0, maxQueuedTicks - waitingTicks));
      for (let from = 0; from < fitting.length; from += maxBatchTicks)
        add({ kind: 'source', ticks: fitting.slice(from, from + maxBatchTicks) });
      return isClosed ? 0 : ticks.length - fitting.length;
    },
    push: (push) =>
      new Promise((resolve) => {
        if (isClosed) resolve({ ok: false, refusal: refusal('no_leader') });
        else if (waitingTicks + push.ticks.length > maxQueuedTicks)
          resolve({ ok: false, refusal: refusal('store_unavailable') });
        else add({ ...push, kind: 'push', settle: resolve });
      }),
    change: (change) =>
      new Promise((resolve) => {
        if (isClosed) resolve(refusal('no_leader'));
        else add({ ...change, kind: 'change', settle: resolve });
      }),
    quote: (symbol) => headOf(symbol).quote,
    sourceSeq: (symbol) => headOf(symbol).sourceSeq,
    close: async () => {
      isClosed = true;
      cancelTimer();
      refuse(jobs.splice(0), 'no_leader');
      await underway;
      return unsure;
    },
  };
}

function isOnlyVolumeNew(before: Quote, day: DayFigures): boolean {
  return (
    before.open === day.open &&
    before.high === day.high &&
    before.low === day.low &&
    before.prevClose === day.prevClose
  );
}

const faults = {
  epoch: 'a newer leader claimed the log',
  generation: 'the log has a new generation',
  number: 'the log lost batches',
} as const;

const unconfirmed = {
  list: 'list_unconfirmed',
  'start list': 'list_unconfirmed',
  pause: 'pause_unconfirmed',
} as const;

function placesOf(ticks: readonly Tick[]): PushedTick[] {
  return ticks.map(({ symbol, gen, seq }) => ({ symbol, gen, seq }));
}

function sourceTicksOf({ jobs }: Draft): SourceTick[] {
  return jobs.flatMap((job) => (job.kind === 'source' ? job.ticks : []));
}
