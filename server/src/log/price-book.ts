/**
 * What one replica knows of prices, in memory: the last quote of every symbol, and the recent batches, from which a client that
 * was away gets what it missed. Takes batches in their order; the order is the log reader's job.
 */
import { dayOf, quoteOf, type DayFigures, type Position, type Quote } from '../../protocol/index.ts';
import type { Batch } from './batch.ts';
import type { LogState, LogWindow, StoredQuote } from './contract.ts';

/** One tick of a batch. */
export interface TickPlace {
  readonly batch: Batch;
  readonly place: number;
}

/** How long and how much the book keeps of recent batches. */
export interface PriceBookOptions extends LogWindow {
  /** The most ticks of a symbol that a client gets again; without it as many as the window has. */
  maxReplayTicks?: number;
  /** Milliseconds that only ever rise. */
  monotonic: () => number;
}

/** Generations before the present one that are known as past. */
const maxPastGenerations = 20;

/** A batch in the window, with the way back from each tick to the tick before it of the same symbol. */
interface Kept {
  readonly batch: Batch;
  readonly at: number;
  /** The symbol of each tick; null if it was forgotten before the book began. */
  readonly states: readonly (SymbolState | null)[];
  /** The number of the batch with the tick before; 0 if the window began later. */
  readonly previousNumbers: readonly number[];
  readonly previousPlaces: readonly number[];
}

interface SymbolState {
  /** Null if the symbol has no price, or if its last tick was not looked at yet. */
  quote: Quote | null;
  /** The batch with its last tick, at `lastPlace`, while `quote` waits to be made of it. */
  unread: Batch | null;
  /** The day's figures after its last tick. */
  day: DayFigures | null;
  /** The seq of its last tick in this generation; a symbol without one goes on from `floor`. */
  seq: number;
  sourceSeq: number | null;
  /** Where its last tick is; number 0 if no batch of the window has one. */
  lastNumber: number;
  lastPlace: number;
  /** How many of its last ticks the window has. */
  kept: number;
  /** How many ticks of the batch that is being applied were looked at. */
  ahead: number;
}

/** The order of seqs is broken: the log and this replica do not agree. */
export class BrokenOrder extends Error {
  override name = 'BrokenOrder';
}

/** The prices of one replica. Empty until `begin`. */
export interface PriceBook {
  /** Null before the first `begin`. */
  gen(): string | null;
  /** The number of the last batch that was applied. */
  number(): number;
  /**
   * Starts again from the store's quotes, with an empty window. In a new generation, prices that the store lost and this replica knew stay
   * known.
   */
  begin(state: LogState): void;
  /** The prices that the store lost before its present generation. */
  lost(): readonly StoredQuote[];
  /** Adds batches from before `begin`, in their order, the last one being the state's own: to the window only. */
  addPast(batches: readonly Batch[]): void;
  /** Applies the next batch of the generation. Throws `BrokenOrder`, and has then changed nothing. */
  apply(batch: Batch): void;
  /** The last quote; null for a symbol without a price. Its `stale` is always false: freshness is not stored. */
  quote(symbol: string): Quote | null;
  quotes(): Iterable<Quote>;
  /** The seq of the symbol's last tick in this generation. */
  seq(symbol: string): number;
  /** The last number of its source; null if it has none. */
  sourceSeq(symbol: string): number | null;
  /** How many ticks followed the position; null if they are not all here or too many, or the position is of no known place. */
  missedCount(symbol: string, position: Position): number | null;
  /** The first `max` ticks that followed the position, oldest first; null if they are not all here. */
  missedSince(symbol: string, position: Position, max: number): TickPlace[] | null;
  /** Whether the position is beyond what this replica knows. It then comes from a replica that has read more of the log. */
  isAhead(symbol: string, position: Position): boolean;
  /** The number of the oldest batch in the window; the number of the next batch if the window is empty. */
  oldest(): number;
  /** The number of the oldest batch that the log should keep: older ones have left the window of this replica, or the log already. */
  logOldest(): number;
  /** The batches after that number, oldest first, at most `max`; null if the first of them has left the window. */
  batchesAfter(after: number, max: number): Batch[] | null;
  /** The seq that a symbol without a tick in this generation goes on from. */
  floor(): number;
}

/** Gives an empty book. */
export function createPriceBook(options: PriceBookOptions): PriceBook {
  const { windowMs, maxWindowBytes, maxReplayTicks = Infinity, monotonic } = options;
  let gen: string | null = null;
  let number = 0;
  let floor = 0;
  const symbols = new Map<string, SymbolState>();
  /** Oldest first, from `start` on; what is before it has left the window. */
  let window: (Kept | null)[] = [];
  let start = 0;
  let logOldest = 1;
  let bytes = 0;
  let lost: StoredQuote[] = [];
  /** Generations before this one, the oldest first. */
  let past: string[] = [];

  /** Most ticks are never looked at here: their quote is made when somebody asks for it. */
  function quoteIn(state: SymbolState): Quote | null {
    if (state.unread !== null && state.day !== null) {
      const tick = state.unread.tick(state.lastPlace);
      state.quote = quoteOf(tick, tick, state.day);
      state.unread = null;
    }
    return state.quote;
  }

  function oldest(): number {
    return window[start]?.batch.number ?? number + 1;
  }

  function keep(batch: Batch, states: readonly (SymbolState | null)[]): void {
    const previousNumbers: number[] = [];
    const previousPlaces: number[] = [];
    for (const [place, state] of states.entries()) {
      previousNumbers.push(state?.lastNumber ?? 0);
      previousPlaces.push(state?.lastPlace ?? 0);
      if (state === null) continue;
      state.lastNumber = batch.number;
      state.lastPlace = place;
      state.kept++;
    }
    window.push({ batch, at: monotonic(), states, previousNumbers, previousPlaces });
    bytes += sizeOf(batch);
    dropOld();
  }

  function dropOld(): void {
    const keptSince = monotonic() - windowMs;
    for (let first = window[start]; first !== undefined && first !== null; first = window[start]) {
      if (first.at >= keptSince && bytes <= maxWindowBytes) break;
      bytes -= sizeOf(first.batch);
      window[start++] = null;
      for (const state of first.states) {
        if (state === null) continue;
        state.kept--;
        // Of its last tick the quote stays, and the batch goes.
        if (state.unread === first.batch) quoteIn(state);
      }
      logOldest = first.batch.number + 1;
    }
    // Rarely, as it moves all that is kept.
    if (start > 1_000 && start > window.length / 2) {
      window = window.slice(start);
      start = 0;
    }
  }

  /** The symbol of each tick. Throws `BrokenOrder` if a seq does not follow the one before it. */
  function statesOf(batch: Batch): SymbolState[] {
    const added = new Map<string, SymbolState>();
    const states: SymbolState[] = [];
    let problem = '';
    for (const [place, symbol] of batch.symbols.entries()) {
      let state = symbols.get(symbol) ?? added.get(symbol);
      if (state === undefined) added.set(symbol, (state = newState(null, floor, null)));
      states.push(state);
      const expected = state.seq + ++state.ahead;
      if (batch.seqs[place] !== expected)
        problem = `${symbol} has seq ${String(batch.seqs[place])} in place of ${expected}`;
    }
    for (const state of states) state.ahead = 0;
    if (problem !== '') throw new BrokenOrder(problem);
    for (const [symbol, state] of added) symbols.set(symbol, state);
    return states;
  }

  function seqOf(symbol: string): number {
    return symbols.get(symbol)?.seq ?? floor;
  }

  function countMissed(symbol: string, [inGen, seq]: Position): number | null {
    const missing = inGen === gen && Number.isInteger(seq) ? seqOf(symbol) - seq : -1;
    return missing < 0 || missing > (symbols.get(symbol)?.kept ?? 0) ? null : missing;
  }

  function forget(gone: readonly string[]): void {
    for (const symbol of gone) {
      floor = Math.max(floor, symbols.get(symbol)?.seq ?? 0);
      symbols.delete(symbol);
    }
  }

  return {
    gen: () => gen,
    number: () => number,
    begin: (state) => {
      const isNewGeneration = gen !== null && gen !== state.gen;
      const known = isNewGeneration ? [...symbols] : [];
      if (gen !== null && isNewGeneration) past = [...past, gen].slice(-maxPastGenerations);
      ({ gen, number, floor, oldest: logOldest } = state);
      symbols.clear();
      window = [];
      start = 0;
      bytes = 0;
      for (const { quote, sourceSeq } of state.quotes) {
        const current = quote.gen === gen ? quote : { ...quote, gen: state.gen, seq: 0 };
        symbols.set(quote.symbol, newState(current, current.seq, sourceSeq));
      }
      lost = [];
      for (const [symbol, before] of known) {
        const quote = quoteIn(before);
        if (quote === null || symbols.has(symbol)) continue;
        const kept = { ...quote, gen: state.gen, seq: 0 };
        symbols.set(symbol, newState(kept, 0, before.sourceSeq));
        lost.push({ quote: kept, sourceSeq: before.sourceSeq });
      }
    },
    // Those that have had no tick since then: later ones are in the store.
    lost: () =>
      lost.filter(({ quote }) => {
        const state = symbols.get(quote.symbol);
        return state?.quote === quote && state.unread === null;
      }),
    addPast: (batches) => {
      for (const batch of batches) {
        const states = batch.symbols.map((symbol) => symbols.get(symbol) ?? null);
        // The quotes have them already.
        batch.takeDays();
        keep(batch, states);
      }
    },
    apply: (batch) => {
      if (batch.gen !== gen || batch.number !== number + 1)
        throw new BrokenOrder(`batch ${batch.number} of ${batch.gen} after ${number} of ${String(gen)}`);
      const states = statesOf(batch);
      ({ number } = batch);
      const days = batch.takeDays();
      for (const [place, state] of states.entries()) {
        const day = days[place];
        state.unread = batch;
        if (typeof day !== 'string') state.day = day ?? state.day;
        else if (state.day !== null) state.day.volume = day;
        state.seq++;
        state.sourceSeq = batch.sourceSeqs?.[place] ?? state.sourceSeq;
      }
      keep(batch, states);
      for (const record of batch.records) if (record.kind === 'list') forget(record.forgotten);
    },
    quote: (symbol) => {
      const state = symbols.get(symbol);
      return state === undefined ? null : quoteIn(state);
    },
    *quotes() {
      for (const state of symbols.values()) {
        const quote = quoteIn(state);
        if (quote !== null) yield quote;
      }
    },
    seq: seqOf,
    sourceSeq: (symbol) => symbols.get(symbol)?.sourceSeq ?? null,
    missedCount: (symbol, position) => {
      const missing = countMissed(symbol, position);
      return missing === null || missing > maxReplayTicks ? null : missing;
    },
    isAhead: (symbol, [inGen, seq]) => (inGen === gen ? seq > seqOf(symbol) : !past.includes(inGen)),
    missedSince: (symbol, position, max) => {
      const missing = countMissed(symbol, position);
      if (missing === null) return null;
      const state = symbols.get(symbol);
      const found: TickPlace[] = [];
      let at = state?.lastNumber ?? 0;
      let place = state?.lastPlace ?? 0;
      const first = oldest();
      for (let back = 0; back < missing; back++) {
        const kept = at < first ? null : window[start + at - first];
        // Where a symbol was forgotten and listed again, its earlier ticks are no part of it.
        if (kept === undefined || kept === null || kept.batch.seqs[place] !== (state?.seq ?? 0) - back)
          return null;
        if (missing - back <= max) found.push({ batch: kept.batch, place });
        at = kept.previousNumbers[place] ?? 0;
        place = kept.previousPlaces[place] ?? 0;
      }
      return found.toReversed();
    },
    oldest,
    logOldest: () => logOldest,
    batchesAfter: (after, max) => {
      if (after + 1 < oldest()) return null;
      const from = start + after + 1 - oldest();
      return window.slice(from, from + max).flatMap((kept) => kept?.batch ?? []);
    },
    floor: () => floor,
  };
}

/** What a batch in the window takes, in bytes: its buffer, and about this much per tick around it. */
function sizeOf(batch: Batch): number {
  return batch.bytes.length + 100 * batch.size;
}

function newState(quote: Quote | null, seq: number, sourceSeq: number | null): SymbolState {
  const day = quote === null ? null : dayOf(quote);
  return { quote, unread: null, day, seq, sourceSeq, lastNumber: 0, lastPlace: 0, kept: 0, ahead: 0 };
}
