/** The steps that tests of the log are made of: a term of a leader, and batches of numbered ticks. */
import { applyTick, dayOf, type DayFigures, type Quote, type Tick } from '../../protocol/index.ts';
import type { Append, AppendOutcome } from '../../src/log/contract.ts';
import type { BatchContent } from '../../src/log/batch.ts';
import type { BackplaneDriver, ReadBatch } from './backplane-driver.ts';

/** What a test says of a batch; the rest follows from the term. */
export interface Wanted extends Partial<Pick<BatchContent, 'records' | 'sourceSeqs'>> {
  /** Prices by symbol, in this order. */
  prices?: (readonly [symbol: string, price: string])[];
  more?: Partial<Append>;
}

/** One leader's term on the log, which numbers batches and ticks as the leader does. */
export interface LogTerm {
  readonly gen: string;
  readonly epoch: number;
  /** The number of the last batch that was stored, as far as this term knows. */
  number(): number;
  append(wanted: Wanted): Promise<AppendOutcome>;
  /** The ticks of its appends so far. */
  readonly ticks: readonly Tick[];
}

/** Claims the log for that epoch, which must be granted. */
export async function leadLog(node: BackplaneDriver, epoch: number): Promise<LogTerm> {
  const claim = await node.tickLog.claim(epoch);
  if (!claim.ok) throw new Error(`${node.node} could not claim the log for epoch ${epoch}`);
  const { gen } = claim;
  let { number } = claim;
  const state = await node.tickLog.readState();
  const floor = state?.floor ?? 0;
  const quotes = new Map<string, Quote>();
  for (const { quote } of state?.quotes ?? [])
    quotes.set(quote.symbol, quote.gen === gen ? quote : { ...quote, gen, seq: 0 });
  const ticks: Tick[] = [];

  return {
    gen,
    epoch,
    number: () => number,
    ticks,
    append: async ({ prices = [], records, sourceSeqs, more = {} }) => {
      const changed = new Map<string, Quote>();
      const days: DayFigures[] = [];
      const batch = prices.map(([symbol, price]): Tick => {
        const before = changed.get(symbol) ?? quotes.get(symbol) ?? null;
        const tick: Tick = { symbol, gen, seq: (before?.seq ?? floor) + 1, price, ts: 1_790_000_000_000 };
        const quote = applyTick(before, tick);
        changed.set(symbol, quote);
        days.push(dayOf(quote));
        return tick;
      });
      const content: BatchContent = { gen, epoch, number: number + 1, ticks: batch, days };
      if (records !== undefined) content.records = records;
      if (sourceSeqs !== undefined) content.sourceSeqs = sourceSeqs;
      const last = new Map(batch.map(({ symbol }, place) => [symbol, sourceSeqs?.[place] ?? null]));
      const outcome = await node.tickLog.append({
        gen,
        epoch,
        number: content.number,
        content,
        quotes: [...changed.values()].map((quote) => ({ quote, sourceSeq: last.get(quote.symbol) ?? null })),
        pushes: [],
        oldest: 0,
        ...more,
      });
      if (outcome.ok && more.number === undefined) {
        number++;
        for (const [symbol, quote] of changed) quotes.set(symbol, quote);
        ticks.push(...batch);
      }
      return outcome;
    },
  };
}

/** The batches of that generation from that number on which the node received, in the order of their arrival. */
export async function receivedBatches(
  node: BackplaneDriver,
  { gen, from }: { gen: string; from: number },
): Promise<ReadBatch[]> {
  const received = await node.received();
  return received.flatMap((one) =>
    one.kind === 'batch' && one.batch.gen === gen && one.batch.number >= from ? [one.batch] : [],
  );
}
