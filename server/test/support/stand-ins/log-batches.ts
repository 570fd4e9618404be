/** Batches for unit tests: a writer that numbers ticks as a leader does. */
import {
  applyTick,
  dayOf,
  firstDay,
  type DayFigures,
  type Quote,
  type Tick,
} from '../../../protocol/index.ts';
import { Batch, encodeBatch, type BatchContent, type DayAfter } from '../../../src/log/batch.ts';
import { noNotes, type LogState } from '../../../src/log/contract.ts';

/** One life of a log, from its first batch on. */
export interface BatchWriter {
  readonly gen: string;
  /** The next batch, with these prices in their order. */
  next(prices: readonly (readonly [symbol: string, price: string])[], more?: Partial<BatchContent>): Batch;
  /** The state of the log after all batches so far. */
  state(more?: Partial<LogState>): LogState;
  readonly batches: readonly Batch[];
}

/** Days of ticks of which each is the first of its day. */
export function daysOf(ticks: readonly Tick[]): DayFigures[] {
  return ticks.map((tick) => tick.day ?? firstDay(tick));
}

/** Starts with an empty log. */
export function createBatchWriter(gen = 'gen001', epoch = 1): BatchWriter {
  const quotes = new Map<string, Quote>();
  const batches: Batch[] = [];
  return {
    gen,
    batches,
    next: (prices, more = {}) => {
      const days: DayAfter[] = [];
      const ticks = prices.map(([symbol, price]): Tick => {
        const before = quotes.get(symbol) ?? null;
        const tick: Tick = { symbol, gen, seq: (before?.seq ?? 0) + 1, price, ts: 1 };
        const quote = applyTick(before, tick);
        quotes.set(symbol, quote);
        const isSame = before?.open === quote.open && before.high === quote.high && before.low === quote.low;
        days.push(isSame ? quote.volume : dayOf(quote));
        return tick;
      });
      const batch = new Batch(encodeBatch({ gen, epoch, number: batches.length + 1, ticks, days, ...more }));
      batches.push(batch);
      return batch;
    },
    state: (more = {}) => ({
      gen,
      number: batches.length,
      oldest: 1,
      quotes: [...quotes.values()].map((quote) => ({ quote, sourceSeq: null })),
      floor: 0,
      notes: noNotes,
      ...more,
    }),
  };
}
