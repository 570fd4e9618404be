/** Joins the reads of one event-loop turn into one call to the store, so that a storm of new sequencers costs one trip. */
import type { Quote } from '../../protocol/index.ts';
import type { TickStore } from '../backplane/contract.ts';
import type { StoredQuote } from './sequencer.ts';

/** Symbols in one call. */
const maxSymbolsPerRead = 500;

interface Wanted {
  symbol: string;
  resolve: (stored: StoredQuote) => void;
  reject: (error: unknown) => void;
}

/** Gives a function that reads one symbol; it rejects as the store does. */
export function createQuoteReader(
  tickStore: Pick<TickStore, 'quotes'>,
): (symbol: string) => Promise<StoredQuote> {
  let wanted: Wanted[] = [];

  function flush(): void {
    const all = wanted;
    wanted = [];
    for (let from = 0; from < all.length; from += maxSymbolsPerRead)
      void readPart(all.slice(from, from + maxSymbolsPerRead));
  }

  async function readPart(part: Wanted[]): Promise<void> {
    try {
      const { gen, quotes } = await tickStore.quotes([...new Set(part.map(({ symbol }) => symbol))]);
      const bySymbol = new Map<string, Quote>(quotes.map((quote) => [quote.symbol, quote]));
      for (const { symbol, resolve } of part) resolve({ gen, quote: bySymbol.get(symbol) ?? null });
    } catch (error) {
      for (const { reject } of part) reject(error);
    }
  }

  return (symbol) =>
    new Promise((resolve, reject) => {
      if (wanted.length === 0) setImmediate(flush);
      wanted.push({ symbol, resolve, reject });
    });
}
