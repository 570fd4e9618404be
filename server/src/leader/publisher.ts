/**
 * What the leader does with its term: claims every shard, starts the sources, hands what they and pushes give to the shard
 * it belongs to, and tells everyone where it stands. Any failure ends the term; the next one begins with a claim.
 * Knows neither the lease nor sockets. Keeps SPEC.md [PB1] to [PB7].
 */
import { refusal, type Quote, type Tick } from '../../protocol/index.ts';
import type { Announcement, TickStore } from '../backplane/contract.ts';
import { assert } from '../support/assert.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createDigest, type Digest } from './digest.ts';
import type { SourceTick } from './draft.ts';
import {
  createLane,
  type Lane,
  type LaneOptions,
  type PushOutcome,
  type UnsureBatch,
  type Unlisted,
} from './lane.ts';
import { joinOutcomes, partsByShard } from './shard-parts.ts';
import { createSourceBoard, type SourceBoard, type SourceHealth } from './source-board.ts';
import {
  createTermList,
  type ListKeeper,
  type ListOutcome,
  type ListRequest,
  type TermList,
} from './term-list.ts';
import { createTermPause, type PauseOutcome, type TermPause, type TermPauseOptions } from './term-pause.ts';

/** What the publisher needs of a source of prices; the feed stage provides it. */
export interface TickSource {
  readonly name: string;
  /** From now on it gives ticks of these symbols alone, whether it runs or not. */
  assign(symbols: readonly string[]): void;
  /** Begins to call `onTicks`, going on from the last quotes and source numbers; `onState` may be called at once. */
  start(from: {
    quotes: Pick<ReadonlyMap<string, Quote>, 'get'>;
    sourceSeqs: ReadonlyMap<string, number>;
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

/** What the publisher reads from, writes to and tells. */
export interface PublisherOptions {
  node: string;
  tickStore: TickStore;
  sources: readonly TickSource[];
  symbolList: ListKeeper;
  pauseNote: TermPauseOptions['note'];
  clock: Clock;
  log: Log;
  dayStartMs: number;
  /** Milliseconds between announcements. */
  beatMs: number;
  makeBatchId: () => string;
  /** Asked right before each append. */
  mayAppend: (epoch: number) => boolean;
  /** Fires with what a source or a push gave, before it waits for the store. */
  onReceived: (ticks: readonly SourceTick[]) => void;
  /** Fires for each accepted tick, in the order of its shard. */
  onTick: (tick: Tick) => void;
  /** Fires after each append that the store took, with its number of ticks and how long it took in milliseconds. */
  onAppended: (ticks: number, ms: number) => void;
  /** Fires after each append that the store refused, with the reason, or did not answer (`unavailable`). */
  onRefused: LaneOptions['onRefused'];
  /** Fires when a batch whose append got no answer is sent again. */
  onRetried: () => void;
  /** Fires with each beat of a term and at each change of a source's state. */
  onAnnounce: (announcement: Announcement) => void;
  /** Fires when the term cannot go on. The caller then ends it by `follow()`. */
  onFault: (epoch: number, reason: string) => void;
}

/** One term after another, never two at once. */
export interface Publisher {
  /** Begins a term: claims the store, then starts the sources. */
  lead(epoch: number): void;
  /** Ends the term at once: sources stop, what is queued is refused. */
  follow(): void;
  /** Publishes a pushed batch. Refused until a term has begun and where the store does not answer; never rejects. */
  push(batch: PushBatch): Promise<PushOutcome>;
  /** Lists a symbol or retires one, and tells everyone. Refused until a term has begun; never rejects. */
  changeList(request: ListRequest): Promise<ListOutcome>;
  /** Stops the sources and refuses pushes, or takes both again, and tells everyone. Refused until a term has begun; never rejects. */
  setPaused(isPaused: boolean): Promise<PauseOutcome>;
}

/** Ticks of a shard that wait for its append in flight; beyond it sources lose their newest, counted and logged, and pushes are refused. */
const maxQueuedTicks = 20_000;

const noLeader = { ok: false, refusal: refusal('no_leader') } as const;

interface Term {
  readonly epoch: number;
  readonly lanes: readonly Lane[];
  readonly list: TermList;
  readonly pause: TermPause;
  readonly board: SourceBoard;
  readonly digest: Digest;
  /** Set once it has begun: every shard is claimed, and how leaders before left the list and the pause is known. */
  stop: (() => void) | null;
  droppedTicks: number;
}

/** Reads and writes nothing before `lead`. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { node, tickStore, sources, symbolList, pauseNote, clock, log, dayStartMs, beatMs, makeBatchId } =
    options;
  const { mayAppend, onReceived, onTick, onAppended, onRefused, onRetried, onAnnounce, onFault } = options;
  let term: Term | null = null;
  /** Per shard, what the last term left there. */
  let unsure: Promise<UnsureBatch | null>[] = Array.from({ length: tickStore.shards }, () =>
    Promise.resolve(null),
  );

  function lead(epoch: number): void {
    const digest = createDigest();
    const lanes = unsure.map((before, shard) =>
      createLane({
        shard,
        epoch,
        tickStore,
        unsure: before,
        maxQueuedTicks,
        dayStartMs,
        makeBatchId,
        mayAppend,
        onTick: (tick) => {
          digest.moved(tick);
          onTick(tick);
        },
        monotonic: () => clock.monotonic(),
        onAppended,
        onRefused,
        onRetried,
        onFault: (reason, error) => fail(epoch, reason, error),
      }),
    );
    const list = createTermList({
      epoch,
      keeper: symbolList,
      sources,
      mayAppend,
      settled: () => settled(lanes),
      drop: (symbols) => drop(lanes, symbols),
      onChange: () => announce(own),
      onFault: (reason, error) => fail(epoch, reason, error),
    });
    const pause = createTermPause({
      epoch,
      note: pauseNote,
      mayAppend,
      onChange: () => pauseChanged(own),
      onFault: (reason, error) => fail(epoch, reason, error),
    });
    const board = createSourceBoard({
      sources,
      symbolsOf: (source) => list.symbolsOf(source),
      now: () => clock.now(),
    });
    const own: Term = { epoch, lanes, list, pause, board, digest, stop: null, droppedTicks: 0 };
    term = own;
    void begin(own);
  }

  const running = (): Term | null => (term === null || term.stop === null ? null : term);

  function fail(epoch: number, reason: string, error?: unknown): void {
    log.warn({ epoch, reason, err: error }, 'the term cannot go on');
    onFault(epoch, reason);
  }

  /** An empty push is settled behind everything that came before it. */
  async function settled(lanes: readonly Lane[]): Promise<boolean> {
    const outcomes = await Promise.all(lanes.map((lane) => lane.push([])));
    return outcomes.every(({ ok }) => ok);
  }

  /** Histories that stay so are dropped by the next leader. */
  async function drop(lanes: readonly Lane[], symbols: Unlisted): Promise<boolean> {
    const outcomes = await Promise.allSettled(lanes.map((lane) => lane.retire(symbols)));
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        log.debug({ err: outcome.reason as unknown }, 'retired symbols are kept');
    return outcomes.every((outcome) => outcome.status === 'fulfilled' && outcome.value);
  }

  async function begin(own: Term): Promise<void> {
    const begun = await Promise.all(own.lanes.map((lane) => lane.begin()));
    if (term !== own || begun.includes(false)) return;
    if (!(await own.list.begin()) || term !== own) return;
    if (!(await own.pause.begin()) || term !== own) return;
    // A leader before may have stored what it never told.
    for (const { quotes } of own.lanes) for (const quote of quotes.values()) own.digest.moved(quote);

    const stopAnnouncing = clock.every(beatMs, () => announce(own));
    own.stop = () => {
      stopAnnouncing();
      for (const source of sources) source.stop();
    };
    own.board.pause(own.pause.isPaused());
    if (!own.pause.isPaused()) startSources(own);
    announce(own);
  }

  function startSources(own: Term): void {
    const sourceSeqs = new Map(own.lanes.flatMap((lane) => [...lane.sourceSeqs]));
    let started = false;
    for (const source of sources) {
      source.start({
        quotes: { get: (symbol) => own.lanes[tickStore.shardOf(symbol)]?.quotes.get(symbol) },
        sourceSeqs,
        onTicks: (ticks) => take(own, source.name, ticks),
        onState: (health) => {
          if (term !== own) return;
          own.board.set(source.name, health);
          if (started) announce(own);
        },
      });
    }
    started = true;
  }

  async function pauseChanged(own: Term): Promise<void> {
    if (term !== own) return;
    const isPaused = own.pause.isPaused();
    if (isPaused) {
      for (const source of sources) source.stop();
      // What was taken before goes out before, so that nothing moves once it is told.
      if (!(await settled(own.lanes)) || term !== own) return;
    } else startSources(own);
    own.board.pause(isPaused);
    log.warn(isPaused ? 'the feed is paused' : 'the feed is resumed');
    announce(own);
  }

  function announce(own: Term): void {
    if (term !== own || !mayAppend(own.epoch)) return;
    const gens = own.lanes.map((lane) => lane.gen() ?? '');
    onAnnounce({
      node,
      epoch: own.epoch,
      gens,
      heads: own.digest.beat(),
      feed: own.board.feed(),
      changes: own.list.changes(),
    });
  }

  function take(own: Term, source: string, ticks: SourceTick[]): void {
    if (term !== own) return;
    onReceived(ticks);
    let dropped = 0;
    for (const [shard, { ticks: part }] of partsByShard(ticks, tickStore))
      dropped += own.lanes[shard]?.take(part) ?? 0;
    if (dropped > 0 && own.droppedTicks === 0)
      log.error({ source }, 'the store takes ticks more slowly than the source gives them; some are dropped');
    own.droppedTicks += dropped;
  }

  async function push({ ticks, once }: PushBatch): Promise<PushOutcome> {
    const own = running();
    if (own === null) return noLeader;
    const refused = own.list.refusePush(new Set(ticks.map(({ symbol }) => symbol)));
    if (refused !== null) return { ok: false, refusal: refused };
    if (own.pause.isPaused()) return { ok: false, refusal: refusal('feed_paused') };
    onReceived(ticks);
    const parts = [...partsByShard(ticks, tickStore)];
    const outcomes = await Promise.all(parts.map(([shard, part]) => pushPart(own, part.ticks, shard, once)));
    return joinOutcomes(
      ticks.length,
      parts.map(([, { places }]) => places),
      outcomes,
    );
  }

  async function pushPart(
    own: Term,
    ticks: SourceTick[],
    shard: number,
    once: PushBatch['once'],
  ): Promise<PushOutcome> {
    const lane = own.lanes[shard];
    assert(lane !== undefined, `there is a lane for shard ${shard}`);
    return lane.push(ticks, once && { ...once, id: `${once.id}@${shard}` });
  }

  function follow(): void {
    const own = term;
    if (own === null) return;
    term = null;
    own.stop?.();
    unsure = own.lanes.map((lane) => lane.close());
    if (own.droppedTicks > 0)
      log.error({ dropped: own.droppedTicks }, 'ticks of sources were dropped in this term');
  }

  async function changeList(request: ListRequest): Promise<ListOutcome> {
    const own = running();
    if (own === null) return noLeader;
    return own.list.change(request);
  }

  async function setPaused(isPaused: boolean): Promise<PauseOutcome> {
    const own = running();
    if (own === null) return noLeader;
    return own.pause.set(isPaused);
  }

  return { lead, follow, push, changeList, setPaused };
}
