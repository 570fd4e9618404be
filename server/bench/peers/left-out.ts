/** Parts of a replica that can be left out, to see what each of them costs. */
import { AckWindow } from '../../src/fanout/ack-window.ts';
import type { Metrics } from '../../src/support/metrics.ts';

/** A part that no other peer has. */
export type Part = 'slow-client windows' | 'flush window' | 'recovery' | 'metrics';

/** Leaves the part out of every replica that this process makes from now on. Returns the settings that this needs. */
export function leaveOut(part: Part): Record<string, string> {
  switch (part) {
    case 'slow-client windows':
      // No ping is asked for, and everything fits.
      AckWindow.prototype.wantsPing = () => false;
      AckWindow.prototype.fits = () => true;
      return {};
    case 'flush window':
      return { FLUSH_MS: '0' };
    case 'metrics':
      // By `noMetrics`, which the replica is given.
      return {};
    case 'recovery':
      return { RECOVERY_SECONDS: '1', MAX_REPLAY_TICKS: '0' };
    default:
      throw new Error(`unknown part ${String(part satisfies never)}`);
  }
}

/** Takes every value and keeps none. */
export const noMetrics: Metrics = {
  counter: () => ({ add: () => {} }),
  counters: () => {},
  gauge: () => {},
  histogram: () => () => {},
  histograms: () => () => () => {},
  collect: () => Promise.resolve([]),
  text: () => Promise.resolve(''),
  contentType: 'text/plain',
};
