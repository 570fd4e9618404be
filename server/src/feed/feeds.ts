/** Makes the sources that the assignment names, in its order. The one place that knows every kind of feed. */
import type { Clock } from '../support/clock.ts';
import type { Assignment } from './assignment.ts';
import type { Feed } from './feed.ts';
import { createPushFeed } from './push.ts';
import { createSimulator, type SimulatorOptions } from './simulator.ts';

/** What is listed, and what the sources run by. */
export interface FeedsOptions {
  assignment: Assignment;
  /** Milliseconds between the simulator's prices. */
  updateIntervalMs: number;
  phase: SimulatorOptions['phase'];
  /** Where the simulator's random walk begins. */
  seed: number;
  clock: Clock;
}

/** Gives the feeds, none of them started. */
export function createFeeds({ assignment, updateIntervalMs, phase, seed, clock }: FeedsOptions): Feed[] {
  const kinds = new Map<string, (listed: readonly string[]) => Feed>([
    [
      'simulator',
      (listed) => createSimulator({ symbols: listed, intervalMs: updateIntervalMs, phase, seed, clock }),
    ],
    ['push', (listed) => createPushFeed({ symbols: listed })],
  ]);
  return [...assignment.bySource].flatMap(([name, symbols]) => kinds.get(name)?.(symbols) ?? []);
}
