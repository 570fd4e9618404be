/** Joins the reads of one event-loop turn into one call to the store, so that a storm of subscribers costs one trip. */
import type { Position } from '../../protocol/index.ts';
import type { StoredSymbol, TickStore } from '../backplane/contract.ts';

/** Requests in one call. */
const maxRequestsPerRead = 500;

interface Wanted {
  request: { symbol: string; after?: Position; maxMissed: number };
  answer: Promise<StoredSymbol>;
  resolve: (stored: StoredSymbol) => void;
  reject: (error: unknown) => void;
}

interface StoreReaderOptions {
  tickStore: Pick<TickStore, 'read'>;
  /** More missed ticks than this are not asked for. */
  maxMissed: number;
}

/** Gives a function that reads one symbol, and what was missed after a position; it rejects as the store does. */
export function createStoreReader({ tickStore, maxMissed }: StoreReaderOptions) {
  let wanted = new Map<string, Wanted>();

  function flush(): void {
    const all = [...wanted.values()];
    wanted = new Map();
    for (let from = 0; from < all.length; from += maxRequestsPerRead) {
      void readPart(all.slice(from, from + maxRequestsPerRead));
    }
  }

  async function readPart(part: readonly Wanted[]): Promise<void> {
    try {
      const stored = await tickStore.read(part.map(({ request }) => request));
      for (const [index, { resolve }] of part.entries()) {
        resolve(stored[index] ?? { gen: null, quote: null, missed: null });
      }
    } catch (error) {
      for (const { reject } of part) reject(error);
    }
  }

  return (symbol: string, after: Position | null): Promise<StoredSymbol> => {
    const key = after === null ? symbol : `${symbol} ${after[0]} ${after[1]}`;
    const same = wanted.get(key);
    if (same !== undefined) return same.answer;
    if (wanted.size === 0) setImmediate(flush);
    const { promise, resolve, reject } = withResolvers<StoredSymbol>();
    const request = after === null ? { symbol, maxMissed } : { symbol, after, maxMissed };
    wanted.set(key, { request, answer: promise, resolve, reject });
    return promise;
  };
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
