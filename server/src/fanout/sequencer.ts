/**
 * One symbol on one replica: puts its ticks in order, keeps its head and quote, and holds ticks back while it reads the
 * store after a hole. What it has let pass is what this replica may tell a client, and no more.
 * Knows no sockets; delivery is a function handed in with each tick. Keeps SPEC.md [SQ1] to [SQ6].
 */
import { applyTick, type Quote, type SnapshotReason, type Tick } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';

/** What the store knows of the symbol: the generation (null while the store is empty) and its last quote, if any. */
export interface StoredQuote {
  gen: string | null;
  quote: Quote | null;
}

export interface SequencerOptions {
  symbol: string;
  clock: Clock;
  /** Reads the store; the answer is at least as new as the moment of the call. */
  read: () => Promise<StoredQuote>;
  /** Fires after the head moved by a read because ticks are gone (`gap`) or the store began anew (`generation`). */
  onSnapshot: (quote: Quote, reason: Exclude<SnapshotReason, 'subscribe'>) => void;
  /** Fires with the error of each failed read; another follows by itself. */
  onReadError: (error: unknown) => void;
  /** The pause before failed read number `attempt` (0 is the first) is repeated, in milliseconds. */
  retryMs: (attempt: number) => number;
}

/** Counts of what a sequencer did besides letting ticks pass. */
export interface SequencerCounts {
  /** Ticks that it had passed already, or that the store does not know. */
  dropped: number;
  /** Reads after a hole or a new generation. */
  repairs: number;
}

export interface Sequencer {
  readonly symbol: string;
  readonly counts: Readonly<SequencerCounts>;
  /** Takes a tick in any order; `deliver` is called at most once, when it is the symbol's turn. */
  accept(tick: Tick, deliver: () => void): void;
  /** Resolves when the head is known; rejects with the error of the read that failed, at once while the next one is not due. */
  ready(): Promise<void>;
  /** The head: the last quote let pass, null for a symbol without a price; `undefined` until the first read. */
  head(): Quote | null | undefined;
  gen(): string | null;
  /** When the last tick was let pass, on the monotonic clock; -Infinity before the first. */
  lastTickAt(): number;
  /** Reads the store again: what came while the link was down may be missing. */
  resync(): void;
  close(): void;
}

/** Ticks held during one read. Beyond it the oldest go: the read or the next one covers them. */
const maxHeldTicks = 1_000;

interface Held {
  tick: Tick;
  deliver: () => void;
  /** Held since before the current read began, so the answer must know it. */
  known: boolean;
}

export function createSequencer(options: SequencerOptions): Sequencer {
  const { symbol, clock, read, onSnapshot, onReadError, retryMs } = options;
  const counts: SequencerCounts = { dropped: 0, repairs: 0 };
  let head: Quote | null | undefined;
  let gen: string | null = null;
  let held: Held[] = [];
  let state: 'reading' | 'serving' | 'closed' = 'reading';
  let attempt = 0;
  /** Why the last read failed, until the next one begins. */
  let failure: { error: unknown } | null = null;
  let lastTickAt = -Infinity;
  let readAgain = false;
  let cancelRetry: () => void = () => {};
  let waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  function accept(tick: Tick, deliver: () => void): void {
    if (state === 'closed') return;
    if (state === 'reading') {
      hold(tick, deliver);
      return;
    }
    const place = placeOf(tick);
    if (place === 'next') pass(tick, deliver);
    else if (place === 'passed') counts.dropped++;
    else {
      hold(tick, deliver);
      startRead();
    }
  }

  function placeOf(tick: Tick): 'next' | 'passed' | 'ahead' {
    if (tick.gen !== gen) return 'ahead';
    const at = head?.seq ?? 0;
    if (tick.seq <= at) return 'passed';
    return tick.seq - (tick.merged ?? 0) <= at + 1 ? 'next' : 'ahead';
  }

  function pass(tick: Tick, deliver: () => void): void {
    head = applyTick(head ?? null, tick);
    lastTickAt = clock.monotonic();
    deliver();
  }

  function hold(tick: Tick, deliver: () => void): void {
    held.push({ tick, deliver, known: false });
    if (held.length > maxHeldTicks) {
      held.shift();
      counts.dropped++;
    }
  }

  function startRead(): void {
    state = 'reading';
    readAgain = false;
    failure = null;
    if (head !== undefined) counts.repairs++;
    for (const one of held) one.known = true;
    cancelRetry();
    read().then(onRead, (error: unknown) => {
      if (state === 'closed') return;
      failure = { error };
      onReadError(error);
      for (const { reject } of waiting.splice(0)) reject(error);
      cancelRetry = clock.after(retryMs(attempt++), startRead);
    });
  }

  function onRead(stored: StoredQuote): void {
    if (state !== 'reading') return;
    attempt = 0;
    const reason = stored.gen === gen ? 'gap' : 'generation';
    if (head !== undefined && reason === 'gap') passHeld();
    if (head === undefined || reason === 'generation' || (stored.quote?.seq ?? 0) > (head?.seq ?? 0)) {
      const tell = head !== undefined;
      head = stored.quote;
      gen = stored.gen;
      if (tell && head !== null) {
        lastTickAt = clock.monotonic();
        onSnapshot(head, reason);
      }
    }
    state = 'serving';
    for (const { resolve } of waiting.splice(0)) resolve();
    if (readAgain) startRead();
    else releaseHeld();
  }

  /** Lets pass, in order, what follows the head: ticks that came in another order leave no hole. */
  function passHeld(): void {
    held.sort((a, b) => a.tick.seq - b.tick.seq);
    held = held.filter(({ tick, deliver }) => {
      if (placeOf(tick) !== 'next') return true;
      pass(tick, deliver);
      return false;
    });
  }

  /** Takes up what was held. What the store should have known and did not is no tick of it [SQ5]. */
  function releaseHeld(): void {
    const due = held.toSorted((a, b) => a.tick.seq - b.tick.seq);
    held = [];
    for (const one of due) {
      if (one.known && placeOf(one.tick) === 'ahead') counts.dropped++;
      else accept(one.tick, one.deliver);
    }
  }

  startRead();

  return {
    symbol,
    counts,
    accept,
    ready: async () => {
      if (head !== undefined) return;
      if (failure !== null) throw failure.error;
      await new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));
    },
    head: () => head,
    gen: () => gen,
    lastTickAt: () => lastTickAt,
    resync: () => {
      if (state === 'serving') startRead();
      else readAgain = true;
    },
    close: () => {
      state = 'closed';
      cancelRetry();
      held = [];
      for (const { reject } of waiting.splice(0)) reject(new Error(`the sequencer of ${symbol} was closed`));
    },
  };
}
