/**
 * One shard in one term: claims it, then appends one batch at a time and tells what the store accepted, in its order. What
 * was on its way when a term broke off is settled by the next one. Knows neither sources nor the lease.
 * Keeps SPEC.md [PB1] to [PB6].
 */
import { quoteOf, refusal, type Quote, type Refusal, type Tick } from '../../protocol/index.ts';
import {
  maxAppendTicks,
  type Append,
  type AppendOutcome,
  type TickDraft,
  type TickStore,
} from '../backplane/contract.ts';
import { createAppendQueue, type Job } from './append-queue.ts';
import { draftTick, type SourceTick } from './draft.ts';

/** In the order of the push; `replayed` where it was counted before, and this is what it got then. */
export type PushOutcome =
  | { ok: true; replayed: boolean; ticks: { symbol: string; gen: string; seq: number }[] }
  | { ok: false; refusal: Refusal };

/** A batch whose append got no answer: it was stored, or it was not. */
export interface UnsureBatch {
  epoch: number;
  gen: string;
  batchId: string;
  source: readonly SourceTick[];
  drafts: readonly TickDraft[];
}

/** One shard, the term it is claimed for, and what the lane tells. */
export interface LaneOptions {
  shard: number;
  epoch: number;
  tickStore: Pick<TickStore, 'shardOf' | 'claim' | 'append' | 'retire'>;
  /** What the lane of the term before left, once that is known. */
  unsure: Promise<UnsureBatch | null>;
  maxQueuedTicks: number;
  dayStartMs: number;
  makeBatchId: () => string;
  /** Asked right before each append. */
  mayAppend: (epoch: number) => boolean;
  /** Fires for each accepted tick, also of a batch that is settled after the term ended. */
  onTick: (tick: Tick) => void;
  /** Milliseconds that only ever rise. */
  monotonic: () => number;
  /** Fires after each append that the store took, with its number of ticks and how long it took in milliseconds. */
  onAppended: (ticks: number, ms: number) => void;
  /** Fires after each append that the store refused, with the reason, or did not answer (`unavailable`). */
  onRefused: (reason: 'epoch' | 'generation' | 'once' | 'unavailable') => void;
  /** Fires when a batch of the term before is sent again. */
  onRetried: () => void;
  /** Fires once, when the term cannot go on. */
  onFault: (reason: string, error?: unknown) => void;
}

/** Symbols that are listed no more, by whether they are remembered as retired. */
export interface Unlisted {
  retired: readonly string[];
  forgotten: readonly string[];
}

/** One shard in one term. */
export interface Lane {
  /** The last quotes of the shard's symbols; complete after `begin`. */
  readonly quotes: ReadonlyMap<string, Quote>;
  readonly sourceSeqs: ReadonlyMap<string, number>;
  /** Null until the shard is claimed. */
  gen(): string | null;
  /** Claims the shard and settles what the term before left. False, after `onFault`, when the term cannot begin. */
  begin(): Promise<boolean>;
  /** Appends ticks that somebody waits for; never rejects. */
  push(ticks: SourceTick[], once?: { id: string; hash: string }): Promise<PushOutcome>;
  /** Appends what a source gave; gives how many did not fit, and were dropped. */
  take(ticks: SourceTick[]): number;
  /** Drops what is not needed of those that are this shard's, once nothing of them waits. False where the term is over; rejects as the store does. */
  retire(symbols: Unlisted): Promise<boolean>;
  /** Ends it: what waits is refused. Resolves, when the append in flight is answered or given up, with what is unsure. */
  close(): Promise<UnsureBatch | null>;
}

/** What a quote is before the store has counted its tick. */
const unnumbered = { gen: '', seq: 0 };

/** Claims nothing before `begin`; what is pushed until then waits. */
export function createLane(options: LaneOptions): Lane {
  const { shard, epoch, tickStore, unsure, maxQueuedTicks, dayStartMs, makeBatchId } = options;
  const { mayAppend, monotonic, onTick, onAppended, onRefused, onRetried, onFault } = options;
  const quotes = new Map<string, Quote>();
  const sourceSeqs = new Map<string, number>();
  const queue = createAppendQueue<PushOutcome>({ maxTicks: maxQueuedTicks });
  let gen: string | null = null;
  let isClosed = false;
  let inFlight: Promise<void> | null = null;
  let left: UnsureBatch | null = null;

  function fail(reason: string, error?: unknown): void {
    if (!isClosed) onFault(reason, error);
  }

  async function begin(): Promise<boolean> {
    const before = await unsure;
    if (isClosed) return false;
    try {
      const claim = await tickStore.claim(shard, epoch);
      if (isClosed) return false;
      if (!claim.ok) {
        fail('a newer leader claimed the store');
        return false;
      }
      for (const quote of claim.quotes) quotes.set(quote.symbol, quote);
      for (const [symbol, seq] of claim.sourceSeqs) sourceSeqs.set(symbol, seq);
      // Only right after that term: any other leader's appends may have come between.
      if (before?.gen === claim.gen && before.epoch + 1 === epoch) await sendAgain(before, claim.gen);
      gen = claim.gen;
    } catch (error) {
      fail('the store could not be claimed', error);
      return false;
    }
    void drain();
    return !isClosed;
  }

  /** Sends the batch again under its name: the store counts it once, and what it had counted already was never told. */
  async function sendAgain(before: UnsureBatch, claimed: string): Promise<void> {
    if (!mayAppend(epoch)) return;
    left = { ...before, epoch };
    const drafts = draftAll(before.source);
    onRetried();
    const outcome = await append({ gen: claimed, epoch, batchId: before.batchId, drafts });
    left = null;
    if (outcome.ok) accept(claimed, outcome.replayed ? before.drafts : drafts, outcome.seqs, false);
  }

  /** Rejects as the store does. */
  async function append(batch: Append): Promise<AppendOutcome> {
    const startedAt = monotonic();
    try {
      const outcome = await tickStore.append(shard, batch);
      if (outcome.ok) onAppended(batch.drafts.length, monotonic() - startedAt);
      else onRefused(outcome.reason);
      return outcome;
    } catch (error) {
      onRefused('unavailable');
      throw error;
    }
  }

  async function drain(): Promise<void> {
    if (inFlight !== null || gen === null || isClosed) return;
    for (let job = queue.next(); job !== null; job = queue.next()) {
      inFlight = appendJob(job, gen);
      await inFlight;
      inFlight = null;
    }
  }

  async function appendJob(job: Job<PushOutcome>, claimed: string): Promise<void> {
    try {
      const outcome = await appendAll(job, claimed);
      job.settle?.(outcome);
    } catch (error) {
      job.settle?.({ ok: false, refusal: refusal('push_unconfirmed') });
      fail('an append failed', error);
    }
  }

  async function appendAll({ ticks, once, settle }: Job<PushOutcome>, claimed: string): Promise<PushOutcome> {
    const given: { symbol: string; gen: string; seq: number }[] = [];
    let replayed = false;
    // Who sends again what was counted in part would have that counted twice, without a key.
    const ended = (): PushOutcome => ({
      ok: false,
      refusal: refusal(given.length === 0 ? 'no_leader' : 'push_unconfirmed'),
    });
    for (let from = 0; from < ticks.length; from += maxAppendTicks) {
      if (isClosed || !mayAppend(epoch)) return ended();
      const source = ticks.slice(from, from + maxAppendTicks).filter(isNews);
      const drafts = draftAll(source);
      const batchId = makeBatchId();
      // Who pushed is told to try again when this gets no answer, so it is not sent again by us.
      left = settle === undefined ? { epoch, gen: claimed, batchId, source, drafts } : null;
      const outcome = await append({
        gen: claimed,
        epoch,
        batchId,
        drafts,
        ...(once !== undefined && { once: { id: `${once.id}#${from / maxAppendTicks}`, hash: once.hash } }),
      });
      left = null;
      if (!outcome.ok) {
        if (outcome.reason === 'once') return { ok: false, refusal: refusal('idempotency_conflict') };
        fail(outcome.reason === 'epoch' ? 'a newer leader claimed the store' : 'the store began anew');
        return ended();
      }
      replayed ||= outcome.replayed;
      given.push(...accept(claimed, drafts, outcome.seqs, outcome.replayed && once !== undefined));
    }
    return { ok: true, replayed, ticks: given };
  }

  /** Tells each tick that got a seq. Those of an old `once` were told when they were counted. */
  function accept(
    claimed: string,
    drafts: readonly TickDraft[],
    seqs: readonly (number | null)[],
    wasTold: boolean,
  ): { symbol: string; gen: string; seq: number }[] {
    const given: { symbol: string; gen: string; seq: number }[] = [];
    for (const [index, { tick: draft, day, sourceSeq }] of drafts.entries()) {
      const seq = seqs[index];
      if (seq === undefined) throw new Error(`the store gave ${seqs.length} seqs for ${drafts.length} ticks`);
      if (sourceSeq !== undefined) sourceSeqs.set(draft.symbol, sourceSeq);
      if (seq === null) continue;
      given.push({ symbol: draft.symbol, gen: claimed, seq });
      if (wasTold) continue;
      // In the order of a tick that comes from history, so that both are the same text.
      const tick: Tick = Object.assign({ symbol: draft.symbol, gen: claimed, seq }, draft);
      const before = quotes.get(tick.symbol);
      if (before === undefined || before.seq < seq) quotes.set(tick.symbol, quoteOf(tick, tick, day));
      onTick(tick);
    }
    return given;
  }

  /** Whether the source has not given this tick before. */
  function isNews({ symbol, sourceSeq }: SourceTick): boolean {
    return sourceSeq === undefined || sourceSeq > (sourceSeqs.get(symbol) ?? -Infinity);
  }

  /** Drafts in a row: a later tick of the same symbol follows the earlier one, though neither has its seq yet. */
  function draftAll(ticks: readonly SourceTick[]): TickDraft[] {
    const ahead = new Map<string, Quote>();
    return ticks.map((source) => {
      const before = ahead.get(source.symbol) ?? quotes.get(source.symbol) ?? null;
      const draft = draftTick(before, source, dayStartMs);
      ahead.set(source.symbol, quoteOf(draft.tick, unnumbered, draft.day));
      return draft;
    });
  }

  return {
    quotes,
    sourceSeqs,
    gen: () => gen,
    begin,
    push: (ticks, once) =>
      new Promise((resolve) => {
        if (isClosed) resolve({ ok: false, refusal: refusal('no_leader') });
        else if (!queue.add({ ticks, settle: resolve, ...(once !== undefined && { once }) }))
          resolve({ ok: false, refusal: refusal('store_unavailable') });
        else void drain();
      }),
    take: (ticks) => {
      const dropped = isClosed ? 0 : queue.addFromSource(ticks);
      void drain();
      return dropped;
    },
    retire: async ({ retired, forgotten }) => {
      const all = [...forgotten, ...retired].filter((symbol) => tickStore.shardOf(symbol) === shard);
      const gone = new Set(forgotten);
      for (let from = 0; from < all.length; from += maxAppendTicks) {
        if (isClosed || gen === null || !mayAppend(epoch)) return false;
        const part = all.slice(from, from + maxAppendTicks);
        const isDropped = await tickStore.retire(shard, {
          gen,
          epoch,
          retired: part.filter((symbol) => !gone.has(symbol)),
          forgotten: part.filter((symbol) => gone.has(symbol)),
        });
        if (!isDropped) return false;
      }
      for (const symbol of forgotten) {
        quotes.delete(symbol);
        sourceSeqs.delete(symbol);
      }
      return true;
    },
    close: async () => {
      isClosed = true;
      queue.settleAll({ ok: false, refusal: refusal('no_leader') });
      await inFlight;
      return left;
    },
  };
}
