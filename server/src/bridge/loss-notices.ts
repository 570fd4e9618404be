/**
 * Tells the backend of replicas that died, each until it was answered: the same notice however often it is sent and whoever sends
 * it, so that to repeat it is safe. Knows neither who died nor how that is found. Keeps SPEC.md [BR9].
 */
import { backoffMs } from '../support/backoff.ts';
import type { Clock } from '../support/clock.ts';
import { isTaken, type Sent } from './outcome.ts';
import type { BackendRequest } from './sender.ts';

interface LossNoticesOptions {
  send: (request: BackendRequest) => Promise<Sent>;
  clock: Pick<Clock, 'after'>;
  /** Gives a number in [0, 1). */
  random: () => number;
  /** Fires for a fault of ours. */
  onError: (error: unknown) => void;
}

/** The notices of one replica, each sent again after 10 s at most until it was answered. Nothing of it throws. */
export interface LossNotices {
  /** Sends it until the backend has said something to it, and resolves with whether it has: not of one too many, nor once closed. */
  tell(notice: BackendRequest): Promise<boolean>;
  /** What was not answered is sent no more. */
  close(): void;
}

/** Notices that may wait for a backend that is away. */
const maxWaiting = 1_000;
const pause = { baseMs: 500, maxMs: 10_000 };

/** Sends nothing before the first `tell`; a notice that the backend refused or answered badly was told too. */
export function createLossNotices({ send, clock, random, onError }: LossNoticesOptions): LossNotices {
  let waiting = 0;
  let isClosed = false;
  const stops = new Set<() => void>();

  function pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const stop = (): void => {
        cancel();
        stops.delete(stop);
        resolve();
      };
      const cancel = clock.after(ms, stop);
      stops.add(stop);
    });
  }

  async function tellUntilTaken(notice: BackendRequest): Promise<boolean> {
    for (let tries = 0; !isClosed; tries++) {
      if (isTaken(await send(notice))) return true;
      if (!isClosed) await pass(backoffMs(tries, { ...pause, random }));
    }
    return false;
  }

  return {
    tell: async (notice) => {
      if (waiting >= maxWaiting) return false;
      waiting++;
      try {
        return await tellUntilTaken(notice);
      } catch (error) {
        onError(error);
        return false;
      } finally {
        waiting--;
      }
    },
    close: () => {
      isClosed = true;
      for (const stop of stops) stop();
    },
  };
}
