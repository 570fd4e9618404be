/** Makes the sources that the assignment names, in its order. The one place that knows every kind of feed. */
import type { Clock } from '../support/clock.ts';
import type { Assignment } from './assignment.ts';
import type { Feed, FeedName } from './feed.ts';
import { createPushFeed } from './push.ts';
import { createSimulator } from './simulator.ts';

/** What is listed, and what the sources run by. */
export interface FeedsOptions {
  assignment: Assignment;
  /** Milliseconds between the simulator's prices. */
  updateIntervalMs: number;
  /** Where the simulator's random walk begins. */
  seed: number;
  clock: Clock;
}

/** Gives the feeds, none of them started. */
export function createFeeds({ assignment, updateIntervalMs, seed, clock }: FeedsOptions): Feed[] {
  const make: Record<FeedName, (symbols: readonly string[]) => Feed> = {
    simulator: (symbols) => createSimulator({ symbols, intervalMs: updateIntervalMs, seed, clock }),
    push: (symbols) => createPushFeed({ symbols }),
  };
  return [...assignment.bySource].map(([name, symbols]) => make[name](symbols));
}
