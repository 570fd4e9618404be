/**
 * The source behind `PUT /api/ticks`: it owns its symbols and has no prices of its own, because outside programs
 * hand them to the leader. Nobody promised how often they do, so it is live whenever it runs.
 */
import type { Feed } from './feed.ts';

/** Gives the feed that holds the pushed symbols; it never calls `onTicks`. */
export function createPushFeed(options: { symbols: readonly string[] }): Feed {
  let { symbols } = options;
  return {
    name: 'push',
    get symbols() {
      return symbols;
    },
    assign: (next) => void (symbols = next),
    start: ({ onState }) => onState({ at: 'live' }),
    stop: () => {
      // Nothing runs between pushes.
    },
  };
}
