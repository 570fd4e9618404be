/**
 * What the leader does with its term: claims the store, reads the sources, appends one batch at a time and emits only
 * what the store accepted, in its order. Any failure ends the term; the next one begins with a claim.
 * Knows neither the lease nor sockets. Keeps SPEC.md [PB1] to [PB5].
 */
import { applyTick, refusal, type Quote, type Refusal, type Tick } from '../../protocol/index.ts';
import { maxAppendTicks, type Announcement, type TickDraft, type TickStore } from '../backplane/contract.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createAppendQueue, type AppendQueue, type Job } from './append-queue.ts';
import { draftTick, type SourceTick } from './draft.ts';
import { createSourceBoard, type SourceBoard, type SourceHealth } from './source-board.ts';

/** What the publisher needs of a source of prices; the feed stage provides it. */
export interface TickSource {
  readonly name: string;
  readonly symbols: readonly string[];
  /** Begins to call `onTicks`, going on from the last quotes; `onState` may be called at once. */
  start(from: {
    quotes: ReadonlyMap<string, Quote>;
    onTicks: (ticks: SourceTick[]) => void;
    onState: (health: SourceHealth) => void;
  }): void;
  /** Nothing is called back after it. */
  stop(): void;
}

/** Ticks that a program pushed, to be counted once however often the batch comes with the same id and hash. */
export interface PushBatch {
  ticks: SourceTick[];
  once?: { id: string; hash: string };
}

export type PushOutcome =
  | { ok: true; replayed: boolean; ticks: { symbol: string; gen: string; seq: number }[] }
  | { ok: false; refusal: Refusal };

export interface PublisherOptions {
  node: string;
  tickStore: TickStore;
  sources: readonly TickSource[];
  clock: Clock;
  log: Log;
  dayStartMs: number;
  /** Milliseconds between announcements. */
  beatMs: number;
  /** Asked right before each append. */
  mayAppend: (epoch: number) => boolean;
  /** Fires for each accepted tick, in the order of the store. */
  onTick: (tick: Tick) => void;
  /** Fires with each beat of a term and at each change of a source's state. */
  onAnnounce: (announcement: Announcement) => void;
  /** Fires when the term cannot go on. The caller then ends it by `follow()`. */
  onFault: (epoch: number, reason: string) => void;
}

export interface Publisher {
  /** Begins a term: claims the store, then starts the sources. */
  lead(epoch: number): void;
  /** Ends the term at once: sources stop, what is queued is refused. */
  follow(): void;
  /** Publishes a pushed batch. Refused without a term and where the store does not answer; never rejects. */
  push(batch: PushBatch): Promise<PushOutcome>;
}

/** Ticks that wait for the append in flight; beyond it sources lose their newest, counted and logged, and pushes are refused. */
const maxQueuedTicks = 20_000;

interface Term {
  readonly epoch: number;
  readonly quotes: Map<string, Quote>;
  readonly board: SourceBoard;
  readonly queue: AppendQueue<PushOutcome>;
  /** Null until the store is claimed. */
  gen: string | null;
  appending: boolean;
  droppedTicks: number;
  stopAnnouncing: () => void;
}

export function createPublisher(options: PublisherOptions): Publisher {
  const { node, tickStore, sources, clock, log, dayStartMs, beatMs, mayAppend, onTick, onAnnounce, onFault } =
    options;
  let term: Term | null = null;

  function lead(epoch: number): void {
    const own: Term = {
      epoch,
      quotes: new Map(),
      board: createSourceBoard({ sources, now: () => clock.now() }),
      queue: createAppendQueue({ maxTicks: maxQueuedTicks }),
      gen: null,
      appending: false,
      droppedTicks: 0,
      stopAnnouncing: () => {},
    };
    term = own;
    void begin(own).catch((error: unknown) => fail(own, 'the store could not be claimed', error));
  }

  async function begin(own: Term): Promise<void> {
    const claim = await tickStore.claim(own.epoch);
    if (term !== own) return;
    if (!claim.ok) {
      fail(own, 'a newer leader claimed the store');
      return;
    }
    own.gen = claim.gen;
    for (const quote of claim.quotes) own.quotes.set(quote.symbol, quote);
    own.stopAnnouncing = clock.every(beatMs, () => announce(own));
    for (const source of sources) {
      source.start({
        quotes: own.quotes,
        onTicks: (ticks) => enqueueFromSource(own, source.name, ticks),
        onState: (health) => {
          if (term !== own) return;
          own.board.set(source.name, health);
          announce(own);
        },
      });
    }
    announce(own);
    void drain(own);
  }

  function announce(own: Term): void {
    if (own.gen === null || !mayAppend(own.epoch)) return;
    onAnnounce({ node, epoch: own.epoch, gen: own.gen, feed: own.board.feed() });
  }

  function enqueueFromSource(own: Term, source: string, ticks: SourceTick[]): void {
    if (term !== own) return;
    const dropped = own.queue.addFromSource(ticks);
    if (dropped > 0 && own.droppedTicks === 0)
      log.error({ source }, 'the store takes ticks more slowly than the source gives them; some are dropped');
    own.droppedTicks += dropped;
    void drain(own);
  }

  function push(batch: PushBatch): Promise<PushOutcome> {
    return new Promise((resolve) => {
      const own = term;
      if (own === null) resolve({ ok: false, refusal: refusal('no_leader') });
      else if (!own.queue.add({ ...batch, settle: resolve }))
        resolve({ ok: false, refusal: refusal('store_unavailable') });
      else void drain(own);
    });
  }

  /** One append in flight: the order in the store is the order in which ticks came. */
  async function drain(own: Term): Promise<void> {
    if (own.appending || own.gen === null) return;
    own.appending = true;
    try {
      for (let job = own.queue.next(); job !== null; job = own.queue.next()) await settle(own, job);
    } catch (error) {
      fail(own, 'an append failed', error);
    }
    own.appending = false;
  }

  async function settle(own: Term, job: Job<PushOutcome>): Promise<void> {
    try {
      const outcome = await appendJob(own, job);
      job.settle?.(outcome);
    } catch (error) {
      job.settle?.({ ok: false, refusal: refusal('store_unavailable') });
      throw error;
    }
  }

  async function appendJob(own: Term, job: Job<PushOutcome>): Promise<PushOutcome> {
    const ticks: { symbol: string; gen: string; seq: number }[] = [];
    let replayed = false;
    for (let from = 0; from < job.ticks.length; from += maxAppendTicks) {
      const gen = own.gen;
      if (term !== own || gen === null || !mayAppend(own.epoch))
        return { ok: false, refusal: refusal('no_leader') };
      const part = job.ticks.slice(from, from + maxAppendTicks);
      const drafts = draftAll(own, part);
      const outcome = await tickStore.append({
        gen,
        epoch: own.epoch,
        drafts,
        ...(job.once && { once: { id: `${job.once.id}#${from / maxAppendTicks}`, hash: job.once.hash } }),
      });
      if (!outcome.ok) {
        if (outcome.reason === 'once') return { ok: false, refusal: refusal('idempotency_conflict') };
        fail(own, outcome.reason === 'epoch' ? 'a newer leader claimed the store' : 'the store began anew');
        return { ok: false, refusal: refusal('no_leader') };
      }
      replayed ||= outcome.replayed;
      for (const [index, { tick: draft }] of drafts.entries()) {
        const seq = outcome.seqs[index];
        if (seq === undefined)
          throw new Error(`the store gave ${outcome.seqs.length} seqs for ${drafts.length} ticks`);
        ticks.push({ symbol: draft.symbol, gen, seq });
        if (outcome.replayed) continue;
        const tick: Tick = { ...draft, gen, seq };
        own.quotes.set(tick.symbol, applyTick(own.quotes.get(tick.symbol) ?? null, tick));
        onTick(tick);
      }
    }
    return { ok: true, replayed, ticks };
  }

  /** Drafts in a row: a later tick of the same symbol follows the earlier one, though neither has its seq yet. */
  function draftAll(own: Term, ticks: readonly SourceTick[]): TickDraft[] {
    const ahead = new Map<string, Quote>();
    return ticks.map((source) => {
      const before = ahead.get(source.symbol) ?? own.quotes.get(source.symbol) ?? null;
      const draft = draftTick(before, source, dayStartMs);
      ahead.set(source.symbol, applyTick(before, { ...draft.tick, gen: '', seq: 0 }));
      return draft;
    });
  }

  function fail(own: Term, reason: string, error?: unknown): void {
    if (term !== own) return;
    log.warn({ epoch: own.epoch, reason, err: error }, 'the term cannot go on');
    onFault(own.epoch, reason);
  }

  function follow(): void {
    const own = term;
    if (own === null) return;
    term = null;
    own.stopAnnouncing();
    if (own.gen !== null) for (const source of sources) source.stop();
    own.queue.settleAll({ ok: false, refusal: refusal('no_leader') });
    if (own.droppedTicks > 0)
      log.error({ dropped: own.droppedTicks }, 'ticks of sources were dropped in this term');
  }

  return { lead, follow, push };
}
