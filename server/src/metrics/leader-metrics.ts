/** Figures of the lease and of what its holder appends. */
import type { Metrics } from '../support/metrics.ts';

/** How the leader's stage tells of its terms and appends. */
export interface LeaderMetrics {
  /** This replica leads in that epoch. */
  led(epoch: number): void;
  followed(): void;
  /** The store took `ticks` in one append, which took `ms`. */
  appended(ticks: number, ms?: number): void;
  /** The store, or we before it, refused; or it did not answer. */
  refused(reason: (typeof refusalReasons)[number]): void;
  /** An append of unknown outcome was sent again. */
  retried(): void;
  /** A tick of a source was dropped as malformed. */
  badTick(): void;
}

const refusalReasons = ['epoch', 'generation', 'number', 'unavailable'] as const;

/** Declares them. */
export function createLeaderMetrics({
  metrics: { counter, gauge, histogram },
}: {
  metrics: Metrics;
}): LeaderMetrics {
  let leading = false;
  let epoch = 0;

  gauge({
    name: 'tickwire_leading',
    help: '1 while this replica holds the lease.',
    read: () => (leading ? 1 : 0),
  });
  gauge({
    name: 'tickwire_epoch',
    help: 'The last epoch in which this replica led; 0 before.',
    read: () => epoch,
  });
  const takeovers = counter({ name: 'tickwire_takeovers_total', help: 'Times this replica took the lease.' });
  const appends = counter({ name: 'tickwire_appends_total', help: 'Appends that the store took.' });
  const ticks = counter({ name: 'tickwire_appended_ticks_total', help: 'Ticks that the store took.' });
  const appendSeconds = histogram({
    name: 'tickwire_append_seconds',
    help: 'How long an append took.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  });
  const refusals = counter({
    name: 'tickwire_refusals_total',
    help: 'Appends that were refused or had no answer.',
    label: 'reason',
    values: refusalReasons,
  });
  const retries = counter({
    name: 'tickwire_append_retries_total',
    help: 'Appends of unknown outcome that were sent again.',
  });

  const badTicks = counter({
    name: 'tickwire_bad_source_ticks_total',
    help: 'Ticks of sources that were dropped: malformed, or of a symbol that the source does not have.',
  });

  return {
    led: (taken) => {
      leading = true;
      epoch = taken;
      takeovers.add();
    },
    followed: () => void (leading = false),
    appended: (count, ms) => {
      appends.add();
      ticks.add(count);
      if (ms !== undefined) appendSeconds(ms / 1_000);
    },
    refused: (reason) => refusals.add(1, reason),
    retried: () => retries.add(),
    badTick: () => badTicks.add(),
  };
}
