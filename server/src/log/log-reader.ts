/**
 * One replica's reader of the log: applies every batch once and in order. If batches are missing, it reads them, once for all
 * symbols. If they are gone, it starts again from the quotes. Knows no sockets and no clients.
 */
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { BadBatch, Batch } from './batch.ts';
import type { LogNotes, LogState, TickLog } from './contract.ts';
import type { PriceBook } from './price-book.ts';

/** What the reader reads, fills and notifies. */
export interface LogReaderOptions {
  tickLog: Pick<TickLog, 'readState' | 'readAfter' | 'onBatch'>;
  book: PriceBook;
  clock: Clock;
  log: Log;
  /** The pause before failed read number `attempt` (0 is the first) is repeated, in milliseconds. */
  retryMs: (attempt: number) => number;
  /** Whether the error says that the store did not answer. Any other one is logged. */
  isOutage: (error: unknown) => boolean;
  /** Fires after each batch that was applied, in order. */
  onBatch: (batch: Batch) => void;
  /** Fires each time that the book begins with the quotes of the store. */
  onStart: (start: LogStart) => void;
  /** Fires after missing batches were read, with the number of their ticks; null if they are gone. */
  onRepair: (ticks: number | null) => void;
}

/** Why the book begins with the quotes of the store: for the first time, as batches are gone, or as the store has a new generation. */
export interface LogStart {
  reason: 'first' | 'gap' | 'generation';
  notes: LogNotes;
}

/** A read that fails is repeated, with growing pauses, until it succeeds. */
export interface LogReader {
  /** True once the store has answered: the book holds the log's prices, or no leader has claimed the log yet. */
  hasAnswered(): boolean;
  /** Reads what is missing, if anything is: this is the start, or the connection was lost. */
  catchUp(): void;
  /** Takes the leader's word for its last batch. If this replica is behind, batches were lost, and are read. */
  expect(gen: string, number: number): void;
  /** Resolves when the book has reached that batch of that generation, or after `withinMs`. */
  reached(gen: string, number: number, withinMs: number): Promise<void>;
  /** Resolves when the book has what the log had at the moment of the call, or after a second. The next `expect` says how far that is. */
  caughtUp(): Promise<void>;
  close(): void;
}

/** Bytes of batches that are held while missing ones are read. Further ones are dropped, and read afterwards. */
const maxHeldBytes = 16_777_216;
/** If the oldest batches leave the log while a replica starts, it tries again so many batches further on, and then twice as many. */
const firstSkip = 50;

/** A leader's next beat comes within this, or there is no leader. */
const caughtUpMs = 1_000;

/** A batch that came while others were missing, and how many reads had begun by then. */
interface Held {
  readonly batch: Batch;
  readonly reads: number;
}

/** Reads nothing before `catchUp`. */
export function createLogReader(options: LogReaderOptions): LogReader {
  const { tickLog, book, clock, log, retryMs, isOutage, onBatch, onStart, onRepair } = options;
  let state: 'following' | 'reading' | 'closed' = 'following';
  let hasAnswered = false;
  let held: Held[] = [];
  let heldBytes = 0;
  let reads = 0;
  let attempt = 0;
  /** More may be missing than the read under way gives. */
  let readAgain = false;
  /** The book does not agree with the log. Only the quotes of the store are right. */
  let isBroken = false;
  let cancelRetry: () => void = () => {};
  let waiting: { gen: string; number: number; done: () => void }[] = [];
  /** Callers of `caughtUp` that wait for the next beat. */
  const behind = new Set<(beat: { gen: string; number: number }) => void>();

  const isClosed = (): boolean => state === 'closed';
  const isNext = ({ gen, number }: Batch): boolean => gen === book.gen() && number === book.number() + 1;
  const isReached = ({ gen, number }: { gen: string; number: number }): boolean =>
    gen === book.gen() && number <= book.number();

  function receive(bytes: Buffer): void {
    if (state === 'closed') return;
    let batch: Batch;
    try {
      batch = new Batch(bytes);
    } catch (error) {
      log.error({ err: error }, 'A damaged batch was received. It is read from the store again.');
      catchUp();
      return;
    }
    if (isReached(batch)) return;
    if (state === 'reading') hold({ batch, reads });
    else if (isNext(batch)) apply(batch);
    else {
      hold({ batch, reads });
      catchUp();
    }
  }

  function hold(one: Held): void {
    const { length } = one.batch.bytes;
    if (heldBytes + length > maxHeldBytes) {
      held = held.filter(({ batch }) => !isReached(batch));
      heldBytes = held.reduce((sum, { batch }) => sum + batch.bytes.length, 0);
    }
    // What does not fit is missing afterwards.
    if (heldBytes + length > maxHeldBytes) readAgain = true;
    else {
      held.push(one);
      heldBytes += length;
    }
  }

  /** False if the batch does not fit the book. The book then starts again. */
  function apply(batch: Batch): boolean {
    try {
      book.apply(batch);
    } catch (error) {
      log.error({ err: error }, 'A batch does not fit the prices of this replica. They are read again.');
      isBroken = true;
      catchUp();
      return false;
    }
    onBatch(batch);
    settleWaiting();
    return true;
  }

  function catchUp(): void {
    if (state === 'closed') return;
    readAgain = true;
    if (state === 'following') void read();
  }

  async function read(): Promise<void> {
    state = 'reading';
    while (readAgain && !isClosed()) {
      readAgain = false;
      reads++;
      const before = `${String(book.gen())} ${book.number()}`;
      try {
        await readOnce();
        attempt = 0;
        // Batches that the store knows nothing of, of another log on the same channels, must not make it read all the time.
        const isUnexplained = held.some((one) => one.reads < reads && !isReached(one.batch));
        if (isUnexplained && before === `${String(book.gen())} ${book.number()}`) await pause(retryMs(0));
      } catch (error) {
        log[isOutage(error) ? 'debug' : 'error']({ err: error }, 'The log could not be read. Trying again.');
        readAgain = true;
        await pause(retryMs(attempt++));
      }
      if (!readAgain && !isClosed()) takeHeld();
    }
    if (!isClosed()) state = 'following';
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(ms, resolve);
      cancelRetry = () => (cancel(), resolve());
    });
  }

  async function readOnce(): Promise<void> {
    const gen = book.gen();
    if (gen === null) {
      const stored = await tickLog.readState();
      if (isClosed()) return;
      // A log that no leader has claimed yet has no prices. The first beat of a leader reads again.
      if (stored === null) hasAnswered = true;
      else await start('first', stored);
      return;
    }
    if (!isBroken && (await readMissing(gen))) return;
    if (isClosed()) return;
    const stored = await tickLog.readState();
    if (isClosed() || stored === null) return;
    onRepair(null);
    await start(stored.gen === gen ? 'gap' : 'generation', stored);
  }

  /** Applies what is missing; false if it is gone or damaged. */
  async function readMissing(gen: string): Promise<boolean> {
    let ticks = 0;
    for (;;) {
      const part = await tickLog.readAfter(gen, book.number());
      if (isClosed()) return true;
      if (part === null) return false;
      if (part.length === 0) break;
      for (const batch of readable(part)) {
        if (!apply(batch)) return false;
        ticks += batch.size;
      }
      if (isBroken) return false;
    }
    if (ticks > 0) onRepair(ticks);
    return true;
  }

  /** The batches up to the first damaged one, after which only the quotes help. */
  function readable(part: readonly Buffer[]): Batch[] {
    const batches: Batch[] = [];
    try {
      for (const bytes of part) batches.push(new Batch(bytes));
    } catch (error) {
      if (!(error instanceof BadBatch)) throw error;
      log.error({ err: error }, 'A batch in the store is damaged. The prices are read from the quotes.');
      isBroken = true;
    }
    return batches;
  }

  async function start(reason: LogStart['reason'], stored: LogState): Promise<void> {
    // Nothing of it is visible before all of it is here.
    const past = await readPast(stored);
    if (isClosed()) return;
    isBroken = false;
    hasAnswered = true;
    book.begin(stored);
    book.addPast(past);
    onStart({ reason, notes: stored.notes });
    settleWaiting();
  }

  /** The batches up to the state, for clients that come back; those that leave the log meanwhile are left out. */
  async function readPast({ gen, number, oldest }: LogState): Promise<Batch[]> {
    let past: Batch[] = [];
    let next = oldest;
    let skip = firstSkip;
    while (next <= number) {
      const part = await tickLog.readAfter(gen, next - 1);
      if (part === null) {
        past = [];
        next += skip;
        skip *= 2;
        continue;
      }
      const batches = readable(part);
      past.push(...batches);
      next += batches.length;
      if (batches.length < part.length || part.length === 0) return [];
    }
    return past.filter((batch) => batch.number <= number);
  }

  /** Applies what was held. What came before the last read, and does not follow it, the store does not have. */
  function takeHeld(): void {
    const due = held.toSorted((a, b) => a.batch.number - b.batch.number);
    held = [];
    heldBytes = 0;
    for (const one of due) {
      if (isReached(one.batch)) continue;
      if (isNext(one.batch)) {
        if (!apply(one.batch)) return;
      } else if (one.reads === reads) {
        hold(one);
        readAgain = true;
      }
    }
  }

  function settleWaiting(): void {
    if (waiting.length === 0) return;
    const due = waiting.filter(isReached);
    waiting = waiting.filter((one) => !due.includes(one));
    for (const { done } of due) done();
  }

  function reached(gen: string, number: number, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (isReached({ gen, number })) {
        resolve();
        return;
      }
      const one = { gen, number, done: () => (cancel(), resolve()) };
      const cancel = clock.after(withinMs, () => {
        waiting = waiting.filter((other) => other !== one);
        resolve();
      });
      waiting.push(one);
    });
  }

  tickLog.onBatch(receive);

  return {
    hasAnswered: () => hasAnswered,
    catchUp,
    expect: (gen, number) => {
      if (!isReached({ gen, number })) catchUp();
      for (const heard of behind) heard({ gen, number });
      behind.clear();
    },
    reached,
    caughtUp: async () => {
      const until = clock.monotonic() + caughtUpMs;
      const beat = await new Promise<{ gen: string; number: number } | null>((resolve) => {
        const cancel = clock.after(caughtUpMs, () => {
          behind.delete(heard);
          resolve(null);
        });
        const heard = (named: { gen: string; number: number }): void => {
          cancel();
          resolve(named);
        };
        behind.add(heard);
      });
      if (beat !== null) await reached(beat.gen, beat.number, until - clock.monotonic());
    },
    close: () => {
      state = 'closed';
      cancelRetry();
      held = [];
      for (const { done } of waiting.splice(0)) done();
    },
  };
}
