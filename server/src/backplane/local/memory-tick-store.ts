/**
 * The tick store in the memory of the primary: generation, claimed epoch, seq and last quote of each symbol, and
 * the `once` ids of late. One generation is one life of the primary. Knows nothing of workers and IPC.
 */
import { applyTick, type Quote } from '../../../protocol/index.ts';
import { assert } from '../../support/assert.ts';
import type { Clock } from '../../support/clock.ts';
import { maxAppendTicks, onceTtlMs, type Append, type AppendOutcome, type Claim } from '../contract.ts';
import { makeGeneration } from '../generation.ts';

export interface MemoryTickStoreOptions {
  /** Ages the `once` ids. */
  clock: Pick<Clock, 'monotonic'>;
  /** How many `once` ids are remembered; beyond it the oldest is forgotten before its time. */
  maxOnceIds?: number;
}

/** The contract's `TickStore`, answered at once. */
export interface MemoryTickStore {
  claim(epoch: number): Claim;
  append(append: Append): AppendOutcome;
  quotes(symbols: readonly string[]): { gen: string | null; quotes: Quote[] };
}

interface OnceEntry {
  hash: string;
  seqs: number[];
  at: number;
}

/** An empty store; its generation begins with the first claim. */
export function createMemoryTickStore({
  clock,
  maxOnceIds = 10_000,
}: MemoryTickStoreOptions): MemoryTickStore {
  let life: { gen: string; epoch: number } | null = null;
  const quotes = new Map<string, Quote>();
  /** In the order of their age. */
  const once = new Map<string, OnceEntry>();

  function forgetOldIds(): void {
    const now = clock.monotonic();
    for (const [id, { at }] of once) {
      if (now - at < onceTtlMs) return;
      once.delete(id);
    }
  }

  function remember(id: string, entry: OnceEntry): void {
    for (const oldest of once.keys()) {
      if (once.size < maxOnceIds) break;
      once.delete(oldest);
    }
    once.set(id, entry);
  }

  function store(gen: string, drafts: Append['drafts']): number[] {
    return drafts.map(({ tick, day }) => {
      const seq = (quotes.get(tick.symbol)?.seq ?? 0) + 1;
      quotes.set(tick.symbol, applyTick(null, { ...tick, gen, seq, day }));
      return seq;
    });
  }

  return {
    claim(epoch) {
      if (life !== null && epoch < life.epoch) return { ok: false, reason: 'epoch' };
      life = { gen: life?.gen ?? makeGeneration(), epoch };
      return { ok: true, gen: life.gen, quotes: [...quotes.values()] };
    },
    append({ gen, epoch, drafts, once: only }) {
      assert(drafts.length <= maxAppendTicks, `an append holds at most ${maxAppendTicks} ticks`);
      if (gen !== life?.gen) return { ok: false, reason: 'generation' };
      if (epoch !== life.epoch) return { ok: false, reason: 'epoch' };
      if (only === undefined) return { ok: true, seqs: store(gen, drafts), replayed: false };
      forgetOldIds();
      const earlier = once.get(only.id);
      if (earlier !== undefined) {
        if (earlier.hash !== only.hash) return { ok: false, reason: 'once' };
        return { ok: true, seqs: earlier.seqs, replayed: true };
      }
      const seqs = store(gen, drafts);
      remember(only.id, { hash: only.hash, seqs, at: clock.monotonic() });
      return { ok: true, seqs, replayed: false };
    },
    quotes(symbols) {
      const known = symbols.flatMap((symbol) => quotes.get(symbol) ?? []);
      return { gen: life?.gen ?? null, quotes: known };
    },
  };
}
