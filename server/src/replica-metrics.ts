/**
 * Every figure of a replica by its name, and the functions by which the composition root tells what happens. So stages
 * have callbacks and no metrics. Names are kept: dashboards know them.
 */
import { tierOfRoom } from '../protocol/index.ts';
import type { Clock } from './support/clock.ts';
import type { Note } from './support/histogram.ts';
import type { Metrics } from './support/metrics.ts';

/** Counts since the start, and what is now; read when somebody asks. */
export interface SocketTraffic {
  opened: number;
  active(): number;
  sent: number;
  received: number;
}

/** What the fan-out wrote since the start; read when somebody asks. */
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
}

/** What is looked at of a tick: the instant of its source. */
type Stamped = Readonly<{ ts: number }>;

export interface ReplicaMetrics {
  /** The leader has these ticks of a source, */
  received(ticks: readonly Stamped[]): void;
  /** the store took this one, */
  accepted(tick: Stamped): void;
  /** a replica has it, */
  arrived(tick: Stamped): void;
  /** and in one turn these were written to the connections in their rooms, */
  written(ticks: readonly Readonly<{ room: string; tick: Stamped }>[]): void;
  /** in so many writes of so many ticks each. */
  wrote(ticks: number, writes: number): void;

  /** This replica leads in that epoch. */
  led(epoch: number): void;
  followed(): void;
  /** The store took `ticks` in one append, which took `ms`. */
  appended(ticks: number, ms?: number): void;
  /** The store, or we before it, refused; `reason` is of few kinds: epoch, generation, unavailable. */
  refused(reason: string): void;
  /** An append of unknown outcome was sent again. */
  retried(): void;
  /** A sequencer closed a hole: with that many ticks that were missed, or, where it is null, with a snapshot in their place. */
  repaired(ticks: number | null): void;
  /** One symbol of a subscribe with `since` was answered; `replayed` ticks followed. */
  recovered(isRecovered: boolean, replayed?: number): void;
  /** Prices here became stale, or live again. */
  stale(isStale: boolean): void;
  /** A drain began. */
  draining(): void;
  /** One connection was sent away by a drain; `ignored` where it did not answer and was cut. */
  sentAway(how: 'closed' | 'ignored'): void;
  /** One connection was ended by us; `reason` is of few kinds, slow among them. */
  cut(reason: string): void;
  /** A message to users was sent; `kind` is of few kinds: user, api, quote. `isComplete` where every replica answered. */
  messageSent(kind: string, isComplete: boolean): void;
  /** One went to so many sessions here. */
  messageDelivered(sessions: number): void;
  /** A user's connection got no seat or lost it; `reason` is of few kinds. */
  seatRefused(reason: string): void;
  /** A user's connection was let in and not counted yet. */
  seatUncounted(): void;
  /** A handshake was refused before it was one; `name` is its code's. */
  handshakeRefused(name: string): void;
  /** `kind` is of few kinds: handshake, refused, internal. */
  socketError(kind: string): void;
}

/** Upper bounds of a tick's age in seconds. */
const ageBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Declares every figure. `traffic` and `fanout` are read when somebody asks. */
export function createReplicaMetrics({
  metrics,
  clock,
  traffic,
  fanout,
}: {
  metrics: Metrics;
  clock: Pick<Clock, 'now' | 'monotonic'>;
  traffic: () => SocketTraffic;
  fanout: () => FanoutTraffic;
}): ReplicaMetrics {
  const { counter, counters, gauge, histogram, histograms } = metrics;
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
    read: () => traffic().sent + fanout().direct,
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
  const noteAge = (note: Note, { ts }: Stamped): void => note(Math.max(0, clock.now() - ts) / 1_000);
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
    help: 'Writes that carried ticks to a connection: one piece for all of a basket (fast), or its own (slow).',
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

  const ticksPerWrite = histogram({
    name: 'tickwire_write_ticks',
    help: 'How many ticks a write to a connection carried.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
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
  const cuts = counter({
    name: 'tickwire_connections_cut_total',
    help: 'Connections that were ended because they read too slowly or sent too much.',
    label: 'reason',
  });
  const messages = counter({
    name: 'tickwire_messages_total',
    help: 'Messages and quotes to users that this replica was asked to send.',
    label: 'kind',
  });
  const incompleteMessages = counter({
    name: 'tickwire_incomplete_messages_total',
    help: 'Those among them that not every replica answered for in time.',
  });
  const messageDeliveries = counter({
    name: 'tickwire_message_deliveries_total',
    help: 'Sessions on this replica that a message or quote was sent to, one for each.',
  });
  const refusedHandshakes = counter({
    name: 'tickwire_handshakes_refused_total',
    help: 'Handshakes refused at the door, by the name of the refusal: too much of one address, or a drain.',
    label: 'reason',
  });

  const seatRefusals = counter({
    name: 'tickwire_seats_refused_total',
    help: "Users' connections without a seat: too many (full), its cid came again (taken_over), others had it meanwhile (dispossessed).",
    label: 'reason',
  });
  const uncounted = counter({
    name: 'tickwire_seats_uncounted_total',
    help: "Users' connections that were let in while they could not be counted.",
  });

  return {
    received: (received) => {
      for (const tick of received) noteAge(ages.source, tick);
    },
    accepted: (tick) => noteAge(ages.append, tick),
    arrived: (tick) => noteAge(ages.replica, tick),
    wrote: (ticksOfWrite, writes) => ticksPerWrite(ticksOfWrite, writes),
    written: (written) => {
      // The slower rates are late by choice.
      for (const { room, tick } of written) if (tierOfRoom(room) === 0) noteAge(ages.write, tick);
    },
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
    repaired: (missed) => repairs.add(1, missed === null ? 'snapshot' : 'replay'),
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
    handshakeRefused: (name) => refusedHandshakes.add(1, name),
    cut: (reason) => cuts.add(1, reason),
    messageSent: (kind, isComplete) => {
      messages.add(1, kind);
      if (!isComplete) incompleteMessages.add();
    },
    messageDelivered: (count) => messageDeliveries.add(count),
    seatRefused: (reason) => seatRefusals.add(1, reason),
    seatUncounted: () => uncounted.add(),
    socketError: (kind) => errors.add(1, kind),
  };
}
