/** Figures of ticks on their way: how old they are at each hop, what was written, merged, mended and missed. */
import type { Clock } from '../support/clock.ts';
import type { Note } from '../support/histogram.ts';
import type { Metrics } from '../support/metrics.ts';

/** What the fan-out wrote since the start, and what is now; read when somebody asks. */
export interface FanoutTraffic {
  /** Ticks, one for each connection; a merged one counts once. */
  deliveries: number;
  /** Turns of the event loop that had ticks to write. */
  flushes: number;
  /** Writes that carried ticks to a connection, */
  writes: number;
  /** and of these, those that were made for it alone. */
  slowWrites: number;
  /** Ticks that were merged into a newer one. */
  conflated: number;
  /** Messages that were written past engine.io. */
  direct: number;
  /** Now: connections that ticks are held for. */
  behind: number;
}

/** What is looked at of a tick: the instant of its source. */
type Stamped = Readonly<{ ts: number }>;

/** How the composition root tells of ticks, hop by hop, and of clients that recover. */
export interface TickMetrics {
  /** The leader has these ticks of a source, */
  received(ticks: readonly Stamped[]): void;
  /** the log took these, */
  accepted(ticks: readonly Stamped[]): void;
  /** a replica has so many ticks of a batch, of which this is the first, */
  arrived(first: Stamped, ticks: number): void;
  /** and this is the oldest of those that were written to a group of connections, */
  written(oldest: Stamped): void;
  /** in so many writes of so many ticks each. */
  wrote(ticks: number, writes: number): void;
  /** Missing batches were read, with that many ticks; null if they were gone and snapshots replace them. */
  repaired(ticks: number | null): void;
  /** One symbol of a subscribe with `since` was answered; `replayed` ticks followed. */
  recovered(isRecovered: boolean, replayed?: number): void;
  /** Prices here became stale, or live again. */
  stale(isStale: boolean): void;
}

/** Upper bounds of a tick's age in seconds. */
const ageBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Declares them. `fanout` is read when somebody asks. */
export function createTickMetrics({
  metrics: { counter, counters, gauge, histogram, histograms },
  clock,
  fanout,
  symbols,
}: {
  metrics: Metrics;
  clock: Pick<Clock, 'now' | 'monotonic'>;
  fanout: () => FanoutTraffic;
  /** Symbols that a client here receives ticks of. */
  symbols: () => number;
}): TickMetrics {
  let staleMs = 0;
  let staleSince: number | null = null;

  const staleForMs = (): number =>
    staleMs + (staleSince === null ? 0 : Math.max(0, clock.monotonic() - staleSince));

  const age = histograms({
    name: 'tickwire_tick_age_seconds',
    help: "A tick's age by its ts as the leader gets it (source), the store took it (append), a replica gets it (replica) and wrote it to those who get each tick and keep up (write).",
    buckets: ageBuckets,
    label: 'hop',
  });
  const ages = {
    source: age('source'),
    append: age('append'),
    replica: age('replica'),
    write: age('write'),
  };
  // A source's clock may be ahead of ours.
  const noteAge = (note: Note, ts: number, now: number, times = 1): void =>
    note(Math.max(0, now - ts) / 1_000, times);
  const noteAges = (note: Note, ticks: readonly Stamped[]): void => {
    const now = clock.now();
    for (const { ts } of ticks) noteAge(note, ts, now);
  };
  counter({
    name: 'tickwire_deliveries_total',
    help: 'Ticks written to connections, one for each.',
    read: () => fanout().deliveries,
  });
  counter({
    name: 'tickwire_flushes_total',
    help: 'Turns of the event loop that had ticks to write.',
    read: () => fanout().flushes,
  });
  counters({
    name: 'tickwire_writes_total',
    help: 'Writes that carried ticks to a connection: one piece for a whole group (fast), or its own (slow).',
    label: 'path',
    read: {
      fast: () => fanout().writes - fanout().slowWrites,
      slow: () => fanout().slowWrites,
    },
  });
  counter({
    name: 'tickwire_conflated_ticks_total',
    help: 'Ticks that were merged into a newer one, for connections that were behind.',
    read: () => fanout().conflated,
  });
  gauge({
    name: 'tickwire_connections_behind',
    help: 'Connections that ticks are held for now: they read too slowly, or their next poll has not come.',
    read: () => fanout().behind,
  });
  gauge({
    name: 'tickwire_symbols_served',
    help: 'Symbols whose ticks somebody on this replica gets now.',
    read: symbols,
  });
  const ticksPerWrite = histogram({
    name: 'tickwire_write_ticks',
    help: 'How many ticks a write to a connection carried.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
  });
  const repairs = counter({
    name: 'tickwire_repairs_total',
    help: 'Times that batches of the log were missing here: read again (replay), or gone and replaced by snapshots (snapshot).',
    label: 'how',
    values: ['replay', 'snapshot'],
  });
  const recoveries = counter({
    name: 'tickwire_recoveries_total',
    help: 'Symbols asked for with since, by whether all that was missed was given.',
    label: 'recovered',
    values: ['true', 'false'],
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

  return {
    received: (ticks) => noteAges(ages.source, ticks),
    accepted: (ticks) => noteAges(ages.append, ticks),
    arrived: (first, ticks) => noteAge(ages.replica, first.ts, clock.now(), ticks),
    wrote: (ticksOfWrite, writes) => ticksPerWrite(ticksOfWrite, writes),
    written: (oldest) => noteAge(ages.write, oldest.ts, clock.now()),
    repaired: (missed) => repairs.add(1, missed === null ? 'snapshot' : 'replay'),
    recovered: (isRecovered, replayed = 0) => {
      recoveries.add(1, `${isRecovered}`);
      replays.add(replayed);
    },
    stale: (isStale) => {
      if (isStale) staleSince ??= clock.monotonic();
      else {
        staleMs = staleForMs();
        staleSince = null;
      }
    },
  };
}
