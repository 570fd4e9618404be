/** The log in the memory of one process. Every method is one synchronous step. Knows nothing of workers and IPC. */
import { makeGeneration } from './generation.ts';
import type { Clock } from '../support/clock.ts';
import { Batch } from './batch.ts';
import {
  maxReadBatches,
  maxReadBytes,
  noNotes,
  pushTtlMs,
  type Append,
  type AppendOutcome,
  type Claim,
  type LogNotes,
  type LogState,
  type StoredPush,
} from './contract.ts';
import { createPriceBook, type PriceBookOptions } from './price-book.ts';

/** The contract's calls, answered at once. */
export interface MemoryLog {
  /** `owner` names the process that claims. */
  claim(epoch: number, owner: string): Claim;
  /** `quotes` and `oldest` are not used: the log has them itself. */
  append(append: Omit<Append, 'quotes' | 'oldest'>): AppendOutcome;
  readState(): LogState | null;
  readAfter(gen: string, number: number): Buffer[] | null;
}

/** How much is kept, the clock that ages it, and who receives each batch that is stored. */
export interface MemoryLogOptions extends Omit<PriceBookOptions, 'monotonic'> {
  clock: Pick<Clock, 'monotonic'>;
  onBatch: (bytes: Buffer) => void;
}

/** Pushes that are remembered. Beyond it the oldest is forgotten before its time. */
const maxPushes = 100_000;

/** An empty log. Its generation begins with the first claim and ends with the process. */
export function createMemoryLog({ clock, onBatch, ...window }: MemoryLogOptions): MemoryLog {
  const book = createPriceBook({ ...window, monotonic: () => clock.monotonic() });
  let claimed = { epoch: 0, owner: '' };
  let notes: LogNotes = noNotes;
  /** In the order of their age. */
  const pushes = new Map<string, { push: StoredPush; at: number }>();

  function knownOf(asked: readonly StoredPush[]): StoredPush[] {
    const now = clock.monotonic();
    for (const [id, { at }] of pushes) {
      if (now - at < pushTtlMs && pushes.size <= maxPushes) break;
      pushes.delete(id);
    }
    return asked.flatMap(({ id }) => pushes.get(id)?.push ?? []);
  }

  return {
    claim: (epoch, owner) => {
      if (epoch < claimed.epoch || (epoch === claimed.epoch && owner !== claimed.owner))
        return { ok: false, reason: 'epoch' };
      claimed = { epoch, owner };
      const gen = book.gen() ?? makeGeneration();
      if (book.gen() === null) book.begin({ gen, number: 0, oldest: 1, quotes: [], floor: 0, notes });
      return { ok: true, gen, number: book.number() };
    },
    append: ({ gen, epoch, number, bytes, pushes: asked, notes: changed }) => {
      if (gen !== book.gen()) return { ok: false, reason: 'generation' };
      if (epoch !== claimed.epoch) return { ok: false, reason: 'epoch' };
      if (number === book.number()) return { ok: true };
      if (number !== book.number() + 1) return { ok: false, reason: 'number' };
      const known = knownOf(asked);
      if (known.length > 0) return { ok: false, reason: 'pushes', known };
      book.apply(new Batch(bytes));
      for (const push of asked) pushes.set(push.id, { push, at: clock.monotonic() });
      notes = { ...notes, ...changed };
      onBatch(bytes);
      return { ok: true };
    },
    readState: () => {
      const gen = book.gen();
      if (gen === null) return null;
      const quotes = [...book.quotes()].map((quote) => ({ quote, sourceSeq: book.sourceSeq(quote.symbol) }));
      return { gen, number: book.number(), oldest: book.oldest(), quotes, floor: book.floor(), notes };
    },
    readAfter: (gen, number) => {
      const batches = gen === book.gen() ? book.batchesAfter(number, maxReadBatches) : null;
      let sum = 0;
      return (
        batches
          ?.filter(({ bytes }, index) => (sum += bytes.length) <= maxReadBytes || index === 0)
          .map(({ bytes }) => bytes) ?? null
      );
    },
  };
}
