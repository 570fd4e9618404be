/** Parts of a replica that can be left out, to see what each of them costs. What is left out does nothing at all. */
import { AckWindow } from '../../src/fanout/ack-window.ts';
import type { Metrics } from '../../src/support/metrics.ts';

/** A part of ours that no other peer has. */
export type Part = 'windows' | 'recovery' | 'metrics';

/** Leaves the part out of every replica of this process that is made from now on, and gives the settings that it takes. */
export function leaveOut(part: Part): Record<string, string> {
  switch (part) {
    case 'windows':
      // No ping is asked for, and everything fits.
      AckWindow.prototype.wantsPing = () => false;
      AckWindow.prototype.fits = () => true;
      return {};
    case 'metrics':
      // By `noMetrics`, as it is given to a replica.
      return {};
    case 'recovery':
      return { HISTORY_TICKS: '0', MAX_REPLAY_TICKS: '0' };
    default:
      throw new Error(`nothing is known of leaving out ${String(part satisfies never)}`);
  }
}

/** Takes every figure and keeps none. */
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
