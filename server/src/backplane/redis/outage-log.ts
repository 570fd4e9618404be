/**
 * Logs an outage of Redis: one line at its begin and one at its end, at the same level, whatever the number of connections.
 * A setting that an operator has to change is a line of its own.
 */
import type { Log } from '../../support/log.ts';
import type { BackplaneState } from '../contract.ts';

interface OutageLogOptions {
  /** As Redis is given: its user and password are never logged. */
  url: string;
  log: Log;
  /** Publishes that were lost since the start. */
  lostPublishes: () => number;
}

/** `changed` takes the state of all links together; `refused` what Redis answers if it refuses one of them. */
export function createOutageLog({ url, log, lostPublishes }: OutageLogOptions) {
  const { hostname, port } = new URL(url);
  const redis = `${hostname}:${port === '' ? '6379' : port}`;
  let isTold = false;
  let lostBefore = 0;
  /** Each is written once until the links are up again, however often Redis repeats it. */
  const refusals = new Set<string>();

  return {
    changed(state: BackplaneState): void {
      if (state.at === 'down') {
        const { reason } = state;
        if (isTold) log.debug({ redis, reason }, 'the backplane is still down');
        else log.warn({ redis, reason }, 'the backplane is down');
        isTold = true;
        return;
      }
      const lost = lostPublishes();
      if (isTold) log.warn({ redis, lostPublishes: lost - lostBefore }, 'the backplane is up again');
      else log.info({ redis }, 'the backplane is up');
      isTold = false;
      lostBefore = lost;
      refusals.clear();
    },
    refused(error: unknown): void {
      const reason = error instanceof Error ? error.message : String(error);
      if (refusals.has(reason)) return;
      refusals.add(reason);
      log.error({ redis, reason }, 'redis refuses this replica');
    },
  };
}
