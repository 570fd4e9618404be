/** Figures of the link to what replicas share: Redis, or the primary process. */
import type { Metrics } from '../support/metrics.ts';

type State = { readonly at: 'up' | 'down' };

/** What is looked at of a backplane. */
export interface WatchedBackplane {
  state(): State;
  onState(listener: (state: State) => void): void;
  /** Fires with each measured round trip, in milliseconds. */
  onRoundTrip(listener: (ms: number) => void): void;
  lostPublishes(): number;
}

/** Declares them, and listens. */
export function createBackplaneMetrics({
  metrics: { counter, gauge, histogram },
  backplane,
}: {
  metrics: Metrics;
  backplane: WatchedBackplane;
}): void {
  gauge({
    name: 'tickwire_backplane_up',
    help: '1 while what replicas share answers: Redis, or on one machine the primary process.',
    read: () => (backplane.state().at === 'up' ? 1 : 0),
  });
  const outages = counter({
    name: 'tickwire_backplane_outages_total',
    help: 'Times that it was lost.',
  });
  counter({
    name: 'tickwire_backplane_lost_publishes_total',
    help: 'Room emits and announcements that could not be sent to the other replicas.',
    read: () => backplane.lostPublishes(),
  });
  const roundTrip = histogram({
    name: 'tickwire_backplane_round_trip_seconds',
    help: 'How long its answer to a ping took.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
  });

  let wasUp = backplane.state().at === 'up';
  backplane.onState(({ at }) => {
    if (wasUp && at === 'down') outages.add();
    wasUp = at === 'up';
  });
  backplane.onRoundTrip((ms) => roundTrip(ms / 1_000));
}
