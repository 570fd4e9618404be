/**
 * The source behind `PUT /api/ticks`: it owns its symbols and has no prices of its own, because outside programs
 * hand them to the leader. Nobody promised how often they do, so it is live whenever it runs.
 */
import type { Feed } from './feed.ts';

/** Gives the feed that holds the pushed symbols; it never calls `onTicks`. */
export function createPushFeed({ symbols }: { symbols: readonly string[] }): Feed {
  return {
    name: 'push',
    symbols,
    start: ({ onState }) => onState({ at: 'live' }),
    stop: () => {
      // Nothing runs between pushes.
    },
  };
}
