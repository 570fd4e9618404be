/** Figures of users: their seats, and messages to them. */
import type { Metrics } from '../support/metrics.ts';

/** How the composition root tells of users. */
export interface UserMetrics {
  /** A message to users was sent. `isComplete` where every replica answered. */
  messageSent(kind: (typeof messageKinds)[number], isComplete: boolean): void;
  /** One went to so many sessions here. */
  messageDelivered(sessions: number): void;
  /** A user's connection got no seat or lost it. */
  seatRefused(reason: (typeof seatRefusals)[number]): void;
  /** A user's connection was let in and not counted yet. */
  seatUncounted(): void;
}

const messageKinds = ['user', 'api', 'quote'] as const;
const seatRefusals = ['full', 'taken_over', 'dispossessed'] as const;

/** Declares them. `users`, how many have a connection here, is read when somebody asks. */
export function createUserMetrics({
  metrics: { counter, gauge },
  users,
}: {
  metrics: Metrics;
  users: () => number;
}): UserMetrics {
  gauge({
    name: 'tickwire_users_active',
    help: 'Users who are signed in or named and have a connection here now.',
    read: users,
  });
  const messages = counter({
    name: 'tickwire_messages_total',
    help: 'Messages and quotes to users that this replica was asked to send.',
    label: 'kind',
    values: messageKinds,
  });
  const incompleteMessages = counter({
    name: 'tickwire_incomplete_messages_total',
    help: 'Those among them that not every replica answered for in time.',
  });
  const messageDeliveries = counter({
    name: 'tickwire_message_deliveries_total',
    help: 'Sessions on this replica that a message or quote was sent to, one for each.',
  });
  const refusedSeats = counter({
    name: 'tickwire_seats_refused_total',
    help: "Users' connections without a seat: too many (full), its cid came again (taken_over), others had it meanwhile (dispossessed).",
    label: 'reason',
    values: seatRefusals,
  });
  const uncounted = counter({
    name: 'tickwire_seats_uncounted_total',
    help: "Users' connections that were let in while they could not be counted.",
  });

  return {
    messageSent: (kind, isComplete) => {
      messages.add(1, kind);
      if (!isComplete) incompleteMessages.add();
    },
    messageDelivered: (count) => messageDeliveries.add(count),
    seatRefused: (reason) => refusedSeats.add(1, reason),
    seatUncounted: () => uncounted.add(),
  };
}
