/**
 * Leaving without losing anyone, in order: not ready, no more handshakes, the lease to another, every client away over
 * `drainMs`, then all the rest. Knows the parts of a replica only by these steps. Keeps SPEC.md [DR1] to [DR7].
 */
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';

/** The steps of a drain, in the order in which they are taken. One that rejects is logged, and the next one follows. */
export interface DrainOptions {
  clock: Clock;
  log: Log;
  /** Over how long clients are sent away, in milliseconds. */
  drainMs: number;
  /** Whether another replica is there to take the clients. Where there is none, or no longer, the drain is short. */
  hasElsewhere: () => boolean;
  /** First: from here on this replica is not ready and takes no handshake. */
  onStart: () => void;
  /** Second: gives up the lease, so that another leads at once. It is not waited for before clients are sent away. */
  releaseLease: () => Promise<void>;
  /** Third: sends every client away over `ms`; resolves when all are gone. */
  sendClientsAway: (ms: number) => Promise<void>;
  /** Fires when the rest of the third step must take `ms` at most. */
  hurry: (ms: number) => void;
  /** Fourth: waits for calls that are being answered. */
  finishCalls: () => Promise<void>;
  /** Last: ends every stage. */
  endStages: () => Promise<void>;
}

/** How one replica leaves, which it does once; there is no way back to `serving`. */
export interface Drain {
  state(): 'serving' | 'draining' | 'drained';
  /** Begins, or hurries a drain that runs already to `withinMs`. Resolves when everything has ended; never rejects. */
  start(options?: { withinMs?: number }): Promise<void>;
}

/** How long clients have to leave when there is nobody to go to, in milliseconds. */
export const shortDrainMs = 1_000;
const watchMs = 50;

/** Does nothing before `start`. */
export function createDrain(options: DrainOptions): Drain {
  const { clock, log, drainMs, hasElsewhere, onStart, releaseLease, sendClientsAway } = options;
  const { hurry, finishCalls, endStages } = options;
  let state: 'serving' | 'draining' | 'drained' = 'serving';
  let ended: Promise<void> | null = null;
  let limitMs = drainMs;

  /** A step that fails must not keep the ones after it. */
  async function step(what: string, take: () => Promise<void>): Promise<void> {
    try {
      await take();
    } catch (error) {
      log.error({ err: error }, `draining: ${what} failed`);
    }
  }

  function shorten(ms: number): void {
    if (ms >= limitMs) return;
    limitMs = ms;
    hurry(ms);
  }

  async function run(): Promise<void> {
    const startedAt = clock.monotonic();
    log.info({ drainMs: limitMs }, 'draining');
    onStart();
    const released = step('the release of the lease', releaseLease);
    const stopWatching = clock.every(watchMs, () => {
      if (!hasElsewhere()) shorten(shortDrainMs);
    });
    await step('sending clients away', () => sendClientsAway(limitMs));
    stopWatching();
    await released;
    await step('the last calls', finishCalls);
    await step('the end of the stages', endStages);
    state = 'drained';
    log.info({ ms: Math.round(clock.monotonic() - startedAt) }, 'drained');
  }

  return {
    state: () => state,
    start: ({ withinMs = drainMs } = {}) => {
      if (ended === null) {
        state = 'draining';
        limitMs = Math.min(withinMs, drainMs, hasElsewhere() ? Infinity : shortDrainMs);
        ended = run();
      } else if (withinMs < drainMs) shorten(withinMs);
      return ended;
    },
  };
}
