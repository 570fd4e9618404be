/**
 * What is logged of Redis' absence: one line when it begins and one when it ends, at the same level, however many links
 * there are and whatever they say meanwhile. What an operator has to change is a line of its own.
 */
import type { Log } from '../../support/log.ts';
import type { BackplaneState } from '../contract.ts';

/** Writes lines and nothing else. A refusal is written once until the links are up again, however often Redis repeats it. */
export interface OutageLog {
  /** All links together changed their state or the reason. */
  changed: (state: BackplaneState) => void;
  /** Redis answers one of the links and refuses it. */
  refused: (error: unknown) => void;
}

/** `url` as Redis is given: its user and password are never logged. `takeLost` gives the publishes that were lost since the last call. */
export function createOutageLog({
  url,
  log,
  takeLost,
}: {
  url: string;
  log: Log;
  takeLost: () => number;
}): OutageLog {
  const { hostname, port } = new URL(url);
  const redis = `${hostname}:${port === '' ? '6379' : port}`;
  let isTold = false;
  const refusals = new Set<string>();

  return {
    changed(state) {
      if (state.at === 'down') {
        const { reason } = state;
        if (isTold) log.debug({ redis, reason }, 'the backplane is still down');
        else log.warn({ redis, reason }, 'the backplane is down');
        isTold = true;
        return;
      }
      const lostPublishes = takeLost();
      if (isTold) log.warn({ redis, lostPublishes }, 'the backplane is up again');
      else log.info({ redis }, 'the backplane is up');
      isTold = false;
      refusals.clear();
    },
    refused(error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (refusals.has(reason)) return;
      refusals.add(reason);
      log.error({ redis, reason }, 'redis refuses this replica');
    },
  };
}
