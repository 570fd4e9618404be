/**
 * One symbol on one replica: puts its ticks in order, keeps its head and quote, and mends holes from the store's history
 * before anything newer passes. What it has let pass is what this replica may tell a client, and no more.
 * Knows no sockets; delivery is a function handed in with each tick. Keeps SPEC.md [SQ1] to [SQ8].
 */
import {
  applyTick,
  type Position,
  type Quote,
  type SnapshotReason,
  type Tick,
} from '../../protocol/index.ts';
import type { StoredSymbol } from '../backplane/contract.ts';
import type { Clock } from '../support/clock.ts';
import { createTickRing } from './tick-ring.ts';

/**
 * One symbol, how its store is read, and who is told: `deliver` before `onPass` for each tick in the order of `seq`. After a read
 * that found ticks gone, or another generation, `onRepair` comes before `onSnapshot`.
 */
export interface SequencerOptions {
  symbol: string;
  clock: Clock;
  /** Reads the store, with what was missed after the position; the answer is at least as new as the moment of the call. */
  read: (after: Position | null) => Promise<StoredSymbol>;
  /** Delivers a tick that came from the store's history, to whoever it would have reached by itself. */
  deliver: (tick: Tick) => void;
  /** Fires after each tick that was let pass, except where a snapshot took its place. */
  onPass: (tick: Tick) => void;
  /** Fires after the head moved by a read because ticks are gone (`gap`) or the store began anew (`generation`). */
  onSnapshot: (quote: Quote, reason: Exclude<SnapshotReason, 'subscribe'>) => void;
  /** Fires after a hole was mended, with the number of ticks that came from history, or null where they are gone. */
  onRepair: (ticks: number | null) => void;
  /** Fires with the error of each failed read; another follows by itself. */
  onReadError: (error: unknown) => void;
  /** The pause before failed read number `attempt` (0 is the first) is repeated, in milliseconds. */
  retryMs: (attempt: number) => number;
}

/**
 * The order of one symbol. A read that fails is repeated until one succeeds; what is accepted meanwhile is held. After `close`
 * nothing is taken or read any more.
 */
export interface Sequencer {
  readonly symbol: string;
  /** Ticks that it had passed already, or that the store does not know. */
  dropped(): number;
  /** Takes a tick in any order; `deliver` is called at most once, when it is the symbol's turn. */
  accept(tick: Tick, deliver: () => void): void;
  /** Takes the leader's word for the head: where ours is behind, ticks were lost. */
  expect(gen: string, seq: number): void;
  /** Resolves when the head is known; rejects with the error of the read that failed, at once while the next one is not due. */
  ready(): Promise<void>;
  /** The head: the last quote let pass, null for a symbol without a price; `undefined` until the first read. */
  head(): Quote | null | undefined;
  gen(): string | null;
  /** The ticks let pass after that seq of the current generation, or null where they are not all at hand. */
  passedAfter(seq: number): Tick[] | null;
  /** Reads the store again: what came while the link was down may be missing. Resolves when it is read, or failed. */
  resync(): Promise<void>;
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

/** Begins to read the store at once; it has no head before that read succeeds. */
export function createSequencer(options: SequencerOptions): Sequencer {
  const { symbol, clock, read, deliver, onPass, onSnapshot, onRepair, onReadError, retryMs } = options;
  const ring = createTickRing();
  let dropped = 0;
  let head: Quote | null | undefined;
  let gen: string | null = null;
  let held: Held[] = [];
  let state: 'reading' | 'serving' | 'closed' = 'reading';
  let attempt = 0;
  /** Why the last read failed, until the next one begins. */
  let failure: { error: unknown } | null = null;
  let readAgain = false;
  /** The store began anew and had no quote yet: the first tick of this life is told as a snapshot. */
  let owesSnapshot = false;
  let cancelRetry: () => void = () => {};
  let waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  function accept(tick: Tick, deliverIt: () => void): void {
    if (state === 'closed') return;
    if (state === 'reading') {
      hold(tick, deliverIt);
      return;
    }
    const place = placeOf(tick);
    if (place === 'next') pass(tick, deliverIt);
    else if (place === 'passed') dropped++;
    else {
      hold(tick, deliverIt);
      startRead();
    }
  }

  function placeOf(tick: Tick): 'next' | 'passed' | 'ahead' {
    if (tick.gen !== gen) return 'ahead';
    const at = head?.seq ?? 0;
    if (tick.seq <= at) return 'passed';
    return tick.seq - (tick.merged ?? 0) <= at + 1 ? 'next' : 'ahead';
  }

  function pass(tick: Tick, deliverIt: () => void): void {
    head = applyTick(head ?? null, tick);
    ring.add(tick);
    if (!owesSnapshot) {
      deliverIt();
      onPass(tick);
      return;
    }
    owesSnapshot = false;
    onSnapshot(head, 'generation');
  }

  function hold(tick: Tick, deliverIt: () => void): void {
    held.push({ tick, deliver: deliverIt, known: false });
    if (held.length > maxHeldTicks) {
      held.shift();
      dropped++;
    }
  }

  function startRead(): void {
    state = 'reading';
    readAgain = false;
    failure = null;
    for (const one of held) one.known = true;
    cancelRetry();
    read(gen === null ? null : [gen, head?.seq ?? 0]).then(onRead, (error: unknown) => {
      if (state === 'closed') return;
      failure = { error };
      onReadError(error);
      settleWaiting(({ reject }) => reject(error));
      cancelRetry = clock.after(retryMs(attempt++), startRead);
    });
  }

  function onRead({ gen: storedGen, quote, missed }: StoredSymbol): void {
    if (state !== 'reading') return;
    attempt = 0;
    if (head === undefined) begin(storedGen, quote);
    else if (storedGen !== gen) {
      const hadPrice = head !== null || owesSnapshot;
      begin(storedGen, quote);
      onRepair(null);
      owesSnapshot = hadPrice && quote === null;
      if (quote !== null) onSnapshot(quote, 'generation');
    } else mend(quote, missed);
    if (readAgain) {
      startRead();
      return;
    }
    state = 'serving';
    settleWaiting(({ resolve }) => resolve());
    releaseHeld();
  }

  function begin(storedGen: string | null, quote: Quote | null): void {
    head = quote;
    gen = storedGen;
    ring.clear();
  }

  /** First what is at hand, then what history has, and only then a snapshot. */
  function mend(quote: Quote | null, missed: readonly Tick[] | null): void {
    passHeld();
    const from = head?.seq ?? 0;
    if (quote === null || quote.seq <= from) return;
    if (missed === null) {
      begin(gen, quote);
      onRepair(null);
      onSnapshot(quote, 'gap');
      return;
    }
    for (const tick of missed) if (placeOf(tick) === 'next') pass(tick, () => deliver(tick));
    onRepair(quote.seq - from);
  }

  /** Lets pass, in order, what follows the head: ticks that came in another order leave no hole. */
  function passHeld(): void {
    held.sort((a, b) => a.tick.seq - b.tick.seq);
    held = held.filter(({ tick, deliver: deliverIt }) => {
      if (placeOf(tick) !== 'next') return true;
      pass(tick, deliverIt);
      return false;
    });
  }

  /** Takes up what was held. What the store should have known and did not is no tick of it [SQ5]. */
  function releaseHeld(): void {
    const due = held.toSorted((a, b) => a.tick.seq - b.tick.seq);
    held = [];
    for (const one of due) {
      if (one.known && placeOf(one.tick) === 'ahead') dropped++;
      else accept(one.tick, one.deliver);
    }
  }

  function settleWaiting(settle: (one: (typeof waiting)[number]) => void): void {
    const settled = waiting;
    waiting = [];
    for (const one of settled) settle(one);
  }

  const nextRead = (): Promise<void> =>
    new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));

  startRead();

  return {
    symbol,
    dropped: () => dropped,
    accept,
    expect: (expectedGen, seq) => {
      if (state === 'closed' || (expectedGen === gen && seq <= (head?.seq ?? 0))) return;
      if (state === 'serving') startRead();
      else readAgain = true;
    },
    ready: async () => {
      if (head !== undefined) return;
      if (failure !== null) throw failure.error;
      await nextRead();
    },
    head: () => head,
    gen: () => gen,
    passedAfter: (seq) => (seq === (head?.seq ?? 0) ? [] : ring.after(seq)),
    resync: async () => {
      if (state === 'closed') return;
      if (state === 'serving') startRead();
      else readAgain = true;
      await nextRead().catch(() => {});
    },
    close: () => {
      state = 'closed';
      cancelRetry();
      held = [];
      settleWaiting(({ reject }) => reject(new Error(`the sequencer of ${symbol} was closed`)));
    },
  };
}
