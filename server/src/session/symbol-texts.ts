/**
 * What is told of a symbol to whoever subscribes to it, as JSON: made once for each head and kept while it is the head, so
 * that a storm of subscribers costs one encoding a symbol and not one a client. Knows no sockets.
 */
import type { Quote, SubscribeResult } from '../../protocol/index.ts';

export interface SymbolTexts {
  /** The quote as a snapshot has it. */
  quote(head: Quote): string;
  /** The entry of the symbol in the results of a subscribe to each tick that begins at that head. */
  result(head: Quote): string;
}

interface Texts {
  readonly head: Quote;
  readonly stale: boolean;
  readonly quote: string;
  readonly result: string;
}

/** One entry for each symbol that was asked for. */
export function createSymbolTexts({ isStale }: { isStale: (symbol: string) => boolean }): SymbolTexts {
  const bySymbol = new Map<string, Texts>();

  function textsOf(head: Quote): Texts {
    const stale = isStale(head.symbol);
    const kept = bySymbol.get(head.symbol);
    if (kept !== undefined && kept.head === head && kept.stale === stale) return kept;
    const { gen, seq } = head;
    const result: SubscribeResult = { ok: true, gen, seq, everyMs: 0, recovered: false, replayed: 0 };
    const texts: Texts = {
      head,
      stale,
      quote: JSON.stringify({ ...head, stale }),
      result: `${JSON.stringify(head.symbol)}:${JSON.stringify(result)}`,
    };
    bySymbol.set(head.symbol, texts);
    return texts;
  }

  return { quote: (head) => textsOf(head).quote, result: (head) => textsOf(head).result };
}
