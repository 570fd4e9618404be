/**
 * Which symbols have prices to wait for: found out once per process, by the first user that asks, over its own socket.
 * Knows only what the wire says: the feed state lists symbols, and a snapshot holds those with a price.
 */
import { UserFailed, type User } from './user.ts';

/** A cluster that has just begun has no price for a moment; it is asked this often, at these intervals. */
const attempts = 20;
const pauseMs = 500;
/** Enough to spread users over; one subscribe stays small. */
const maxAsked = 200;

/** The symbols that the users of one process share out among themselves. */
export interface PricedSymbols {
  /** Gives the next `count` symbols in turn, so that users spread evenly; fewer where there are not as many. */
  take(user: User, count: number): Promise<string[]>;
}

/** Asks nobody by itself. `take` rejects with the failure of the user that asked, and the next user asks anew. */
export function createPricedSymbols(): PricedSymbols {
  let known: Promise<string[]> | null = null;
  let next = 0;

  return {
    take: async (user, count) => {
      known ??= find(user);
      let priced: string[];
      try {
        priced = await known;
      } catch (error) {
        // The next user finds out for itself: this one's failure may be its own.
        known = null;
        throw error;
      }
      const from = next;
      next += count;
      return Array.from(
        { length: Math.min(count, priced.length) },
        (_, index) => priced[(from + index) % priced.length] ?? '',
      );
    },
  };
}

async function find(user: User): Promise<string[]> {
  const { sources } = await user.feed();
  const listed = [...new Set(sources.flatMap(({ state, symbols }) => (state === 'live' ? symbols : [])))];
  const asked = listed.slice(0, maxAsked);
  for (let attempt = 0; attempt < attempts && asked.length > 0; attempt++) {
    const quotes = await user.subscribe(asked, { measured: false });
    await user.unsubscribe(asked);
    const priced = quotes.filter(({ stale }) => !stale).map(({ symbol }) => symbol);
    if (priced.length > 0) return priced.toSorted();
    await user.watch(pauseMs);
  }
  throw new UserFailed('no symbol has a price');
}
