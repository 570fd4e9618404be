/**
 * What is told of a symbol to whoever subscribes to it, as JSON: made once for each head and kept while it is the head, so
 * that a storm of subscribers costs one encoding a symbol and not one a client. Knows no sockets.
 */
import type { Quote, SubscribeResult } from '../../protocol/index.ts';

export interface SymbolTexts {
  /** The quote as a snapshot has it. */
  readonly quote: string;
  /** The entry of the symbol in the results of a subscribe to each tick that begins at that head. */
  readonly result: string;
}

interface Kept extends SymbolTexts {
  readonly head: Quote;
  readonly stale: boolean;
}

/** Gives a function that tells the texts of a symbol whose head it is given. Keeps those of each symbol that was asked for. */
export function createSymbolTexts({ isStale }: { isStale: (symbol: string) => boolean }) {
  const bySymbol = new Map<string, Kept>();

  return (head: Quote): SymbolTexts => {
    const stale = isStale(head.symbol);
    const kept = bySymbol.get(head.symbol);
    if (kept !== undefined && kept.head === head && kept.stale === stale) return kept;
    const { gen, seq } = head;
    const result: SubscribeResult = { ok: true, gen, seq, everyMs: 0, recovered: false, replayed: 0 };
    const texts: Kept = {
      head,
      stale,
      quote: JSON.stringify({ ...head, stale }),
      result: `${JSON.stringify(head.symbol)}:${JSON.stringify(result)}`,
    };
    bySymbol.set(head.symbol, texts);
    return texts;
  };
}
