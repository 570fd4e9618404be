/**
 * One term of a leader: claims the log, waits until this replica has read all of it, then reads the sources, takes pushes, and changes
 * the list of symbols and the pause. Any failure ends the term; the next one begins with a claim. Knows neither the lease nor sockets.
 * Keeps SPEC.md [PB1] to [PB7], [LS1], [LS3], [LS5], [FP1] to [FP3].
 */
import { inspect } from 'node:util';
import { refusal, type Quote, type Refusal } from '../../protocol/index.ts';
import type { Announcement } from '../backplane/contract.ts';
import type { ListChange, PauseState } from '../log/batch.ts';
import type { LogNotes, SymbolChanges, TickLog } from '../log/contract.ts';
import { changeBetween } from '../log/list-change.ts';
import type { LogReader } from '../log/log-reader.ts';
import type { PriceBook } from '../log/price-book.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createTurns } from '../support/turns.ts';
import {
  createAppender,
  type Appender,
  type AppenderOptions,
  type PushBatch,
  type PushOutcome,
  type TermMeter,
  type UnsureAppend,
} from './appender.ts';
import { problemOf, type SourceTick } from './draft.ts';
import { createSourceBoard, type SourceHealth } from './source-board.ts';

/** What a term needs of a source of prices; the feed stage provides it. */
export interface TickSource {
  readonly name: string;
  /** From now on the source gives ticks of these symbols only, whether it runs or not. */
  assign(symbols: readonly string[]): void;
  /** Begins to call `onTicks`, going on from the last quotes and source numbers; `onState` may be called at once. */
  start(from: {
    quotes: Pick<ReadonlyMap<string, Quote>, 'get'>;
    sourceSeqs: Pick<ReadonlyMap<string, number>, 'get'>;
    onTicks: (ticks: SourceTick[]) => void;
    onState: (health: SourceHealth) => void;
  }): void;
  /** Nothing is called back after it. */
  stop(): void;
}

/** A symbol that is to be listed, with or without the name of its source, or to be retired. */
export type ListRequest = { act: 'add'; symbol: string; feed?: string } | { act: 'retire'; symbol: string };

/** `isChange` is false if the list was so before. */
export type ListOutcome =
  /** `feed` is the source of a symbol that is listed now. `version` is that of the changes that say so. */
  { ok: true; isChange: boolean; feed: string | null; version: number } | { ok: false; refusal: Refusal };

/** `isChange` is false if the feed was so before. */
export type PauseOutcome = { ok: true; isChange: boolean } | { ok: false; refusal: Refusal };

/** What a term needs of the list of symbols; the feed stage provides it. */
export interface ListKeeper {
  /**
   * The changes as this replica knows them; `isLost` if the store has older ones: it was emptied, or lost some. `startList` is the list of
   * this replica's settings; `isStartListNew` if that of the log is another one.
   */
  known(): {
    changes: SymbolChanges;
    isLost: boolean;
    startList: NonNullable<LogNotes['startList']>;
    isStartListNew: boolean;
  };
  /** The changes with this one after those that were made, or null if it changes nothing. */
  plan(
    made: SymbolChanges,
    request: ListRequest,
  ): { ok: true; feed: string | null; changes: SymbolChanges | null } | { ok: false; refusal: Refusal };
  /** What the changes come to. */
  assign(changes: SymbolChanges): AssignedList;
}

/** The symbols of each source, and which of them may be pushed. */
export interface AssignedList {
  readonly bySource: ReadonlyMap<string, readonly string[]>;
  refusePush(symbols: Iterable<string>): Refusal | null;
}

/** Whether the feed is paused, as this replica knows it; `isLost` if the store does not know it. */
export interface PauseKeeper {
  known(): { pause: PauseState; isLost: boolean };
}

/** What a term reads from, writes to and notifies. */
export interface TermOptions extends Pick<AppenderOptions, 'appendMs' | 'dayStartMs' | 'mayAppend'> {
  node: string;
  epoch: number;
  tickLog: Pick<TickLog, 'claim' | 'append'>;
  book: PriceBook;
  reader: Pick<LogReader, 'expect' | 'reached'>;
  /** What the term before left, once that is known. */
  unsure: Promise<UnsureAppend | null>;
  sources: readonly TickSource[];
  list: ListKeeper;
  pause: PauseKeeper;
  clock: Clock;
  log: Log;
  /** Milliseconds between beats. */
  beatMs: number;
  meter: TermMeter;
  /** Fires with each beat and at each change of a source's state. */
  onAnnounce: (announcement: Announcement) => void;
  /** Fires if the term cannot go on. The caller then ends it by `close`. */
  onFault: (reason: string, error?: unknown) => void;
}

/** Refused until the term has begun. Nothing here rejects. */
export interface Term {
  push(batch: PushBatch): Promise<PushOutcome>;
  /** Lists a symbol or retires one. */
  changeList(request: ListRequest): Promise<ListOutcome>;
  /** Stops the sources and refuses pushes, or takes both again. */
  setPaused(isPaused: boolean): Promise<PauseOutcome>;
  /** Ends the term at once: sources stop, and what waits is refused. Resolves with what is unsure. */
  close(): Promise<UnsureAppend | null>;
}

/** Ticks that may wait for the append under way. */
const maxQueuedTicks = 20_000;
/** How long this replica may take to read what the leaders before it appended. */
const catchUpMs = 2_000;
/** Of the bad ticks of one source, so many are logged in a term. */
const loggedBadTicks = 5;
const loggedTickLength = 200;

const noLeader = { ok: false, refusal: refusal('no_leader') } as const;

/** What exists from the moment that the log is claimed and read. */
interface Running {
  appender: Appender;
  gen: string;
  changes: SymbolChanges;
  assigned: AssignedList;
  /** By source. */
  symbols: ReadonlyMap<string, ReadonlySet<string>>;
  pause: PauseState;
}

/** Begins at once. */
export function createTerm(options: TermOptions): Term {
  const { node, epoch, tickLog, book, reader, sources, list, clock, log, beatMs } = options;
  const { mayAppend, meter, onAnnounce } = options;
  const board = createSourceBoard({ sources: sources.map(({ name }) => name), now: () => clock.now() });
  const takeTurn = createTurns();
  let running: Running | null = null;
  let isClosed = false;
  let dropped = 0;
  const badTicks = new Map<string, number>();
  let stopBeats: () => void = () => {};
  let closing: Promise<UnsureAppend | null> | null = null;

  function fail(reason: string, error?: unknown): void {
    if (isClosed) return;
    log.warn({ epoch, reason, err: error }, 'The term cannot go on.');
    options.onFault(reason, error);
  }

  async function begin(): Promise<void> {
    const before = await options.unsure;
    if (isClosed) return;
    const claim = await tickLog.claim(epoch, { gen: book.gen(), number: book.number() });
    if (isClosed) return;
    if (!claim.ok) {
      fail('a newer leader claimed the log');
      return;
    }
    const { gen, number } = claim;
    reader.expect(gen, number);
    await reader.reached(gen, number, catchUpMs);
    if (isClosed) return;
    if (book.gen() !== gen || book.number() < number) {
      fail(`this replica could not read the log within ${catchUpMs} ms`);
      return;
    }
    run(gen, before, number === 0);
  }

  function run(gen: string, before: UnsureAppend | null, isNewLog: boolean): void {
    const appender = createAppender({ ...options, gen, maxQueuedTicks, onFault: fail });
    const { changes, isLost, startList, isStartListNew } = list.known();
    const { pause, isLost: isPauseLost } = options.pause.known();
    const { isPaused } = pause;
    const own: Running = { appender, gen, changes, ...assign(changes), pause };
    running = own;
    // What a new log begins with is said to all, whatever they knew before.
    if (isStartListNew || isNewLog)
      void appender.change({ record: { kind: 'start list', bySource: startList }, notes: { startList } });
    if (isLost || isNewLog)
      void appender.change({ record: { kind: 'list', ...wholeOf(changes) }, notes: { list: changes } });
    if (isPauseLost || isNewLog)
      void appender.change({ record: { kind: 'pause', ...pause }, notes: { pause } });
    assignSources(own);
    if (before !== null && isMissing(before, gen)) {
      meter.retried();
      const listed = new Set([...own.assigned.bySource.values()].flat());
      appender.take(before.ticks.filter(({ symbol }) => listed.has(symbol)));
    }
    // To append may show that the lease is over.
    if (isClosed) return;
    stopBeats = clock.every(beatMs, announce);
    board.pause(isPaused);
    if (!isPaused) startSources(own);
    announce();
  }

  function assign(changes: SymbolChanges): Pick<Running, 'assigned' | 'symbols'> {
    const assigned = list.assign(changes);
    const symbols = new Map([...assigned.bySource].map(([source, own]) => [source, new Set(own)]));
    return { assigned, symbols };
  }

  /** Whether the append without an answer did not reach the log, and nothing followed it: its ticks are not old yet. */
  function isMissing(before: UnsureAppend, gen: string): boolean {
    return before.gen === gen && book.number() === before.number - 1;
  }

  function assignSources({ assigned }: Running): void {
    for (const source of sources)
      attempt(source, () => source.assign(assigned.bySource.get(source.name) ?? []));
  }

  function startSources(own: Running): void {
    let hasStarted = false;
    for (const source of sources)
      attempt(source, () =>
        source.start({
          quotes: { get: (symbol) => own.appender.quote(symbol) ?? undefined },
          sourceSeqs: { get: (symbol) => own.appender.sourceSeq(symbol) ?? undefined },
          onTicks: (ticks) => take(own, source.name, ticks),
          onState: (health) => {
            if (isClosed) return;
            board.set(source.name, health);
            if (hasStarted) announce();
          },
        }),
      );
    hasStarted = true;
  }

  function stopSources(): void {
    for (const source of sources) attempt(source, () => source.stop());
  }

  /** A source that throws is stale. The other sources go on. */
  function attempt({ name }: TickSource, call: () => void): void {
    try {
      call();
    } catch (error) {
      log.error({ source: name, err: error }, 'The source failed.');
      board.set(name, { at: 'stale', reason: 'the source failed' });
    }
  }

  function announce(): void {
    if (isClosed || running === null || !mayAppend(epoch)) return;
    const { gen, appender } = running;
    onAnnounce({ node, epoch, gen, number: appender.number(), feed: board.feed() });
  }

  function take({ appender, symbols }: Running, source: string, given: readonly SourceTick[]): void {
    if (isClosed) return;
    const ticks = given.filter((tick) => isGood(source, tick, symbols.get(source)));
    meter.received(ticks);
    const lost = appender.take(ticks);
    if (lost > 0 && dropped === 0)
      log.error({ source }, 'The source gives ticks faster than the log takes them. Some are dropped.');
    dropped += lost;
  }

  /** A bad tick costs that tick, never the term. */
  function isGood(source: string, tick: SourceTick, symbols: ReadonlySet<string> | undefined): boolean {
    let problem = problemOf(tick);
    if (problem === null && symbols?.has(tick.symbol) !== true)
      problem = 'the source does not have this symbol';
    if (problem === null) return true;
    meter.badTick();
    const count = (badTicks.get(source) ?? 0) + 1;
    badTicks.set(source, count);
    if (count <= loggedBadTicks)
      log.error(
        { source, tick: inspect(tick, { depth: 1 }).slice(0, loggedTickLength), problem },
        'The source gave a bad tick. It is dropped.',
      );
    return false;
  }

  async function push(batch: PushBatch): Promise<PushOutcome> {
    if (running === null || isClosed) return noLeader;
    const refused = running.assigned.refusePush(new Set(batch.ticks.map(({ symbol }) => symbol)));
    if (refused !== null) return { ok: false, refusal: refused };
    if (running.pause.isPaused) return { ok: false, refusal: refusal('feed_paused') };
    meter.received(batch.ticks);
    return running.appender.push(batch);
  }

  async function changeList(request: ListRequest): Promise<ListOutcome> {
    const own = running;
    if (own === null || isClosed) return noLeader;
    const planned = list.plan(own.changes, request);
    if (!planned.ok) return planned;
    const { feed, changes } = planned;
    if (changes === null) return { ok: true, isChange: false, feed, version: own.changes.version };
    const between = changeBetween(own.changes, changes, (symbol) => symbol === request.symbol);
    own.changes = changes;
    Object.assign(own, assign(changes));
    // A retired symbol has had its last tick, which goes before the change. An added one has its first tick behind it.
    if (request.act === 'retire') assignSources(own);
    const stored = own.appender.change({
      record: { kind: 'list', ...between },
      notes: { list: changes },
      forgotten: between.forgotten,
    });
    if (request.act === 'add') assignSources(own);
    const refused = await stored;
    return refused === null
      ? { ok: true, isChange: true, feed, version: changes.version }
      : { ok: false, refusal: refused };
  }

  async function setPaused(isPaused: boolean): Promise<PauseOutcome> {
    const own = running;
    if (own === null || isClosed) return noLeader;
    if (own.pause.isPaused === isPaused) return { ok: true, isChange: false };
    const pause = { version: own.pause.version + 1, isPaused };
    own.pause = pause;
    if (isPaused) stopSources();
    const refused = await own.appender.change({ record: { kind: 'pause', ...pause }, notes: { pause } });
    if (refused !== null) return { ok: false, refusal: refused };
    if (isClosed) return { ok: true, isChange: true };
    if (!isPaused) startSources(own);
    board.pause(isPaused);
    log.warn(isPaused ? 'The feed is paused.' : 'The feed is resumed.');
    announce();
    return { ok: true, isChange: true };
  }

  async function end(): Promise<UnsureAppend | null> {
    isClosed = true;
    stopBeats();
    if (running === null) return options.unsure;
    stopSources();
    if (dropped > 0) log.error({ dropped }, 'Ticks of sources were dropped in this term.');
    return running.appender.close();
  }

  begin().catch((error: unknown) => fail('the log could not be claimed', error));

  return {
    push,
    changeList: (request) => takeTurn(() => changeList(request)),
    setPaused: (isPaused) => takeTurn(() => setPaused(isPaused)),
    close: () => (closing ??= end()),
  };
}

function wholeOf({ version, feeds }: SymbolChanges): ListChange {
  return { version, set: feeds, unset: [], forgotten: [], isWhole: true };
}
