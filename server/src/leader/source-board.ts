/** How each source is, as the leader tells it to everyone. Knows no ticks. */
import type { FeedState } from '../../protocol/index.ts';

/** What a source says of itself. */
export type SourceHealth = { at: 'live' } | { at: 'stale'; reason: string };

/** The state of every source in one term. */
export interface SourceBoard {
  set(name: string, health: SourceHealth): void;
  /** While it is paused every source is stale, whatever it says of itself. */
  pause(isPaused: boolean): void;
  /** Stale as a whole only when every source is. */
  feed(): FeedState;
}

/** Which sources there are, and what they have. */
export interface SourceBoardOptions {
  sources: readonly { readonly name: string }[];
  /** The symbols that a source has now. */
  symbolsOf: (source: string) => readonly string[];
  /** Epoch milliseconds. */
  now: () => number;
}

/** What is said of a feed that was paused. */
export const pausedReason = 'paused';

/** Every source is stale until it says otherwise. */
export function createSourceBoard({ sources, symbolsOf, now }: SourceBoardOptions): SourceBoard {
  const healths = new Map<string, SourceHealth>();
  let since = now();
  let isPaused = false;

  return {
    set: (name, health) => {
      healths.set(name, health);
      since = now();
    },
    pause: (wanted) => {
      if (wanted === isPaused) return;
      isPaused = wanted;
      since = now();
    },
    feed: () => {
      const told = sources.map(({ name }) => ({
        name,
        symbols: [...symbolsOf(name)],
        health: healths.get(name) ?? { at: 'stale' as const, reason: 'it has not started yet' },
      }));
      if (isPaused)
        return {
          state: 'stale',
          since,
          reason: pausedReason,
          sources: told.map(({ name, symbols }) => ({ name, state: 'stale', symbols })),
        };
      const reasons = told.flatMap(({ name, health }) =>
        health.at === 'stale' ? [`${name}: ${health.reason}`] : [],
      );
      const state = reasons.length === told.length ? 'stale' : 'live';
      return {
        state,
        since,
        reason: state === 'stale' ? reasons.join('; ') : '',
        sources: told.map(({ name, symbols, health }) => ({ name, state: health.at, symbols })),
      };
    },
  };
}
