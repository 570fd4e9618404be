/** The state of each source, as the leader reports it with its beats. Knows no ticks and no symbols. */
import type { FeedHealth } from '../backplane/contract.ts';

/** What a source says of itself. */
export type SourceHealth = { at: 'live' } | { at: 'stale'; reason: string };

/** The state of every source in one term. */
export interface SourceBoard {
  set(name: string, health: SourceHealth): void;
  /** While the feed is paused every source is stale, whatever it says of itself. */
  pause(isPaused: boolean): void;
  /** Stale as a whole only if every source is. */
  feed(): FeedHealth;
}

/** The reason that a paused feed has. */
const pausedReason = 'paused';

/** Every source is stale until it says otherwise. `now` gives epoch milliseconds. */
export function createSourceBoard({
  sources,
  now,
}: {
  sources: readonly string[];
  now: () => number;
}): SourceBoard {
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
      if (isPaused)
        return {
          state: 'stale',
          since,
          reason: pausedReason,
          sources: sources.map((name) => ({ name, state: 'stale' })),
        };
      const reports = sources.map((name) => ({
        name,
        health: healths.get(name) ?? { at: 'stale' as const, reason: 'it has not started yet' },
      }));
      const reasons = reports.flatMap(({ name, health }) =>
        health.at === 'stale' ? [`${name}: ${health.reason}`] : [],
      );
      const state = reasons.length === reports.length ? 'stale' : 'live';
      return {
        state,
        since,
        reason: state === 'stale' ? reasons.join('; ') : '',
        sources: reports.map(({ name, health }) => ({ name, state: health.at })),
      };
    },
  };
}
