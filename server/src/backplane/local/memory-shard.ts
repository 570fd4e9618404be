/**
 * One shard of the tick store in the memory of the primary: generation, claimed epoch, and of each symbol its head, last
 * quote, history and last source number. Every method is one synchronous step. Knows nothing of workers and IPC.
 */
import { applyTick, type Quote } from '../../../protocol/index.ts';
import type { Clock } from '../../support/clock.ts';
import {
  onceTtlMs,
  type Append,
  type AppendOutcome,
  type Claim,
  type ReadRequest,
  type Retirement,
  type StoredSymbol,
  type TickDraft,
} from '../contract.ts';
import { makeGeneration } from '../generation.ts';
import { parseTick, tickText } from '../stored-tick.ts';
import { createTickHistory, type TickHistory } from './tick-history.ts';

/** How much a shard remembers, and for how long. */
export interface MemoryShardOptions {
  /** Ages the `once` ids. */
  clock: Pick<Clock, 'monotonic'>;
  historyTicks: number;
  /** How many `once` ids are remembered; beyond it the oldest is forgotten before its time. */
  maxOnceIds: number;
}

/** The contract's calls for one shard, answered at once. That the symbols are its own is for the caller to see. */
export interface MemoryShard {
  claim(epoch: number): Claim;
  append(append: Append): AppendOutcome;
  retire(retirement: Retirement): boolean;
  read(request: ReadRequest): StoredSymbol;
}

type Seqs = (number | null)[];

interface OnceEntry {
  hash: string;
  seqs: Seqs;
  at: number;
}

interface SymbolState {
  quote: Quote;
  history: TickHistory;
  sourceSeq: number | null;
}

/** An empty shard; its generation begins with the first claim and ends with the primary. */
export function createMemoryShard({ clock, historyTicks, maxOnceIds }: MemoryShardOptions): MemoryShard {
  let life: { gen: string; epoch: number } | null = null;
  let last: { batchId: string; seqs: Seqs } | null = null;
  const symbols = new Map<string, SymbolState>();
  /** The highest head that was forgotten. */
  let floor = 0;
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

  function store(gen: string, draft: TickDraft): number | null {
    const { tick, day, sourceSeq } = draft;
    const known = symbols.get(tick.symbol);
    const taken = known?.sourceSeq ?? null;
    if (sourceSeq !== undefined && taken !== null && sourceSeq <= taken) return null;
    const seq = (known?.quote.seq ?? floor) + 1;
    const history = known?.history ?? createTickHistory(historyTicks);
    history.add(seq, tickText(draft));
    symbols.set(tick.symbol, {
      quote: applyTick(null, { ...tick, gen, seq, day }),
      history,
      sourceSeq: sourceSeq ?? taken,
    });
    return seq;
  }

  return {
    claim(epoch) {
      if (life !== null && epoch < life.epoch) return { ok: false, reason: 'epoch' };
      life = { gen: life?.gen ?? makeGeneration(), epoch };
      const sourceSeqs = new Map<string, number>();
      for (const [symbol, { sourceSeq }] of symbols) {
        if (sourceSeq !== null) sourceSeqs.set(symbol, sourceSeq);
      }
      return { ok: true, gen: life.gen, quotes: [...symbols.values()].map(({ quote }) => quote), sourceSeqs };
    },

    append({ gen, epoch, batchId, drafts, once: only }) {
      if (gen !== life?.gen) return { ok: false, reason: 'generation' };
      if (epoch !== life.epoch) return { ok: false, reason: 'epoch' };
      if (batchId === last?.batchId) return { ok: true, seqs: last.seqs, replayed: true };
      if (only !== undefined) {
        forgetOldIds();
        const earlier = once.get(only.id);
        if (earlier !== undefined) {
          if (earlier.hash !== only.hash) return { ok: false, reason: 'once' };
          return { ok: true, seqs: earlier.seqs, replayed: true };
        }
      }
      const seqs = drafts.map((draft) => store(gen, draft));
      last = { batchId, seqs };
      if (only !== undefined) remember(only.id, { hash: only.hash, seqs, at: clock.monotonic() });
      return { ok: true, seqs, replayed: false };
    },

    retire({ gen, epoch, retired, forgotten }) {
      if (gen !== life?.gen || epoch !== life.epoch) return false;
      for (const symbol of retired) {
        const known = symbols.get(symbol);
        if (known !== undefined) known.history = createTickHistory(historyTicks);
      }
      for (const symbol of forgotten) {
        floor = Math.max(floor, symbols.get(symbol)?.quote.seq ?? 0);
        symbols.delete(symbol);
      }
      return true;
    },

    read({ symbol, after, maxMissed = Infinity }) {
      const known = symbols.get(symbol);
      const found = { gen: life?.gen ?? null, quote: known?.quote ?? null };
      if (after === undefined || after[0] !== found.gen) return { ...found, missed: null };
      const [gen, seq] = after;
      if (known === undefined) return { ...found, missed: seq === 0 ? [] : null };
      if (known.quote.seq - seq > maxMissed) return { ...found, missed: null };
      const texts = seq === known.quote.seq ? [] : known.history.after(seq);
      const name = (index: number) => ({ symbol, gen, seq: seq + 1 + index });
      return { ...found, missed: texts?.map((text, index) => parseTick(name(index), text)) ?? null };
    },
  };
}
