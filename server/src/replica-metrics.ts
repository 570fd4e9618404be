/**
 * Every figure of a replica by its name, and the functions by which the composition root tells what happens. So stages
 * have callbacks and no metrics. Names are kept: dashboards know them.
 */
import type { Clock } from './support/clock.ts';
import type { Metrics } from './support/metrics.ts';

/** Counts since the start, and what is now; read when somebody asks. */
export interface SocketTraffic {
  opened: number;
  active(): number;
  sent: number;
  received: number;
}

export interface ReplicaMetrics {
  /** This replica leads in that epoch. */
  led(epoch: number): void;
  followed(): void;
  /** The store took `ticks` in one append, which took `ms`. */
  appended(ticks: number, ms?: number): void;
  /** The store, or we before it, refused; `reason` is of few kinds: epoch, generation, unavailable. */
  refused(reason: string): void;
  /** An append of unknown outcome was sent again. */
  retried(): void;
  /** A sequencer closed a hole: with what was missed, or with a snapshot in its place. */
  repaired(how: 'replay' | 'snapshot'): void;
  /** One symbol of a subscribe with `since` was answered; `replayed` ticks followed. */
  recovered(isRecovered: boolean, replayed?: number): void;
  /** Prices here became stale, or live again. */
  stale(isStale: boolean): void;
  /** A drain began. */
  draining(): void;
  /** One connection was sent away by a drain; `ignored` where it did not answer and was cut. */
  sentAway(how: 'closed' | 'ignored'): void;
  /** `kind` is of few kinds: handshake, refused, internal. */
  socketError(kind: string): void;
}

/** Declares every figure. `traffic` is read when somebody asks. */
export function createReplicaMetrics({
  metrics,
  clock,
  traffic,
}: {
  metrics: Metrics;
  clock: Pick<Clock, 'monotonic'>;
  traffic: () => SocketTraffic;
}): ReplicaMetrics {
  const { counter, gauge, histogram } = metrics;
  let leading = false;
  let epoch = 0;
  let staleMs = 0;
  let staleSince: number | null = null;
  let isDraining = false;

  const staleForMs = (): number =>
    staleMs + (staleSince === null ? 0 : Math.max(0, clock.monotonic() - staleSince));

  counter({
    name: 'socket_connections_total',
    help: 'Connections opened since the start.',
    read: () => traffic().opened,
  });
  gauge({
    name: 'socket_connections_active',
    help: 'Connections open now.',
    read: () => traffic().active(),
  });
  counter({
    name: 'socket_messages_sent_total',
    help: 'Messages written to connections.',
    read: () => traffic().sent,
  });
  counter({
    name: 'socket_messages_received_total',
    help: 'Messages read from connections.',
    read: () => traffic().received,
  });
  const errors = counter({
    name: 'socket_errors_total',
    help: 'Handshakes and calls that were refused, and errors of ours.',
    label: 'kind',
  });

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
  });
  const retries = counter({
    name: 'tickwire_append_retries_total',
    help: 'Appends of unknown outcome that were sent again.',
  });
  const repairs = counter({
    name: 'tickwire_repairs_total',
    help: 'Holes that a sequencer closed, with what was missed or with a snapshot.',
    label: 'how',
  });
  const recoveries = counter({
    name: 'tickwire_recoveries_total',
    help: 'Symbols asked for with since, by whether all that was missed was given.',
    label: 'recovered',
  });
  const replays = counter({ name: 'tickwire_replayed_ticks_total', help: 'Missed ticks given after since.' });
  counter({
    name: 'tickwire_stale_seconds_total',
    help: 'How long prices here were stale.',
    read: () => staleForMs() / 1_000,
  });
  gauge({
    name: 'tickwire_stale',
    help: '1 while prices here are stale.',
    read: () => (staleSince === null ? 0 : 1),
  });
  gauge({
    name: 'tickwire_draining',
    help: '1 while this replica leaves.',
    read: () => (isDraining ? 1 : 0),
  });
  const sentAway = counter({
    name: 'tickwire_drained_connections_total',
    help: 'Connections that a drain sent away, by whether they answered.',
    label: 'how',
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
    repaired: (how) => repairs.add(1, how),
    recovered: (isRecovered, replayed = 0) => {
      recoveries.add(1, String(isRecovered));
      replays.add(replayed);
    },
    stale: (isStale) => {
      if (isStale) staleSince ??= clock.monotonic();
      else {
        staleMs = staleForMs();
        staleSince = null;
      }
    },
    draining: () => void (isDraining = true),
    sentAway: (how) => sentAway.add(1, how),
    socketError: (kind) => errors.add(1, kind),
  };
}
