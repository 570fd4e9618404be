/** The whole feed, from events that name all symbols once per connection and then only what changed. Pure. */
import type { FeedState, SourceState, SymbolsChange } from '../../../server/protocol/index.ts';

/** The feed as the stream's user sees it: every source with its state and its symbols. */
export interface Feed {
  /** The next `feed` event is the first one on its connection. */
  connected(): void;
  /** Takes a `feed` event and returns the whole feed after it. */
  take(event: FeedState): FeedState;
  /** Takes a `symbols` event and returns the whole feed after it; null before the first `feed` event. */
  listChanged(change: SymbolsChange): FeedState | null;
}

/** Knows no source before the first event. */
export function createFeed(): Feed {
  let whole: FeedState | null = null;
  let isFirst = true;

  return {
    connected: () => {
      isFirst = true;
    },
    take: (event) => {
      // A server of an earlier version names every source each time.
      if (whole === null || isFirst || event.sources.some(({ state }) => state === 'live')) whole = event;
      else {
        const stale = new Map(event.sources.map((source) => [source.name, source]));
        const known = whole.sources.map((source): SourceState => {
          const named = stale.get(source.name);
          stale.delete(source.name);
          return { ...source, state: named?.state ?? event.state };
        });
        // A source that the first event did not name.
        whole = { ...event, sources: [...known, ...stale.values()] };
      }
      isFirst = false;
      return whole;
    },
    listChanged: ({ added, retired, feeds = {} }) => {
      if (whole === null) return null;
      const gone = new Set([...added, ...retired]);
      const names = new Set(whole.sources.map(({ name }) => name));
      const { state } = whole;
      const others = [...new Set(Object.values(feeds))]
        .filter((name) => !names.has(name))
        .map((name): SourceState => ({ name, state, symbols: [] }));
      whole = {
        ...whole,
        sources: [...whole.sources, ...others].map((source) => ({
          ...source,
          symbols: [
            ...source.symbols.filter((symbol) => !gone.has(symbol)),
            ...added.filter((symbol) => feeds[symbol] === source.name),
          ],
        })),
      };
      return whole;
    },
  };
}
