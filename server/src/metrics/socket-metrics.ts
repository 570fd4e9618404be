/** Figures of connections and of what goes over them: those that are there, refused, cut and sent away. */
import type { CodeName } from '../../protocol/index.ts';
import type { Metrics } from '../support/metrics.ts';

/** Counts since the start, and what is now; read when somebody asks. */
export interface SocketTraffic {
  opened: number;
  active(): number;
  sent: number;
  received: number;
}

/** How the composition root tells of connections. */
export interface SocketMetrics {
  /** A handshake or a call was refused, or failed by a fault of ours; `name` is its code's, where it has one of ours. */
  socketError(kind: (typeof errorKinds)[number], name?: string): void;
  /** A handshake was refused before it was one; `name` is its code's. */
  handshakeRefused(name: CodeName): void;
  /** One connection was ended by us. */
  cut(reason: (typeof cutReasons)[number]): void;
  /** A drain began. */
  draining(): void;
  /** One connection was sent away by a drain; `ignored` where it did not answer and was cut. */
  sentAway(how: (typeof departures)[number]): void;
}

const errorKinds = ['handshake', 'refused', 'internal'] as const;
/** Those that are usual. */
const refusals: string[] = [
  'bad_payload',
  'unknown_symbol',
  'symbol_not_permitted',
  'too_many_calls',
  'too_many_subscriptions',
  'too_many_connections',
  'seat_taken_over',
  'token_required',
  'token_invalid',
  'token_expired',
  'sign_in_unavailable',
  'internal',
] satisfies CodeName[];
const handshakeRefusals: CodeName[] = [
  'draining',
  'origin_not_allowed',
  'too_many_connections_from_address',
  'too_many_handshakes',
];
const cutReasons = ['flood', 'unread', 'protocol', 'slow'] as const;
const departures = ['closed', 'ignored'] as const;

/** Declares them. `traffic` and `direct`, the messages that were written past engine.io, are read when somebody asks. */
export function createSocketMetrics({
  metrics: { counter, gauge },
  traffic,
  direct,
}: {
  metrics: Metrics;
  traffic: () => SocketTraffic;
  direct: () => number;
}): SocketMetrics {
  let isDraining = false;

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
    read: () => traffic().sent + direct(),
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
    values: errorKinds,
  });
  const refused = counter({
    name: 'tickwire_client_refusals_total',
    help: 'Calls and connections that were refused with a code, by its name; those that never came in are in tickwire_handshakes_refused_total.',
    label: 'name',
    values: refusals,
  });
  const refusedHandshakes = counter({
    name: 'tickwire_handshakes_refused_total',
    help: 'Handshakes refused at the door, by the name of the refusal: the origin of a page, too much of one address, or a drain.',
    label: 'reason',
    values: handshakeRefusals,
  });
  const cuts = counter({
    name: 'tickwire_connections_cut_total',
    help: 'Connections that were ended because they read too slowly or sent too much.',
    label: 'reason',
    values: cutReasons,
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
    values: departures,
  });

  return {
    socketError: (kind, name) => {
      errors.add(1, kind);
      if (name !== undefined) refused.add(1, name);
    },
    handshakeRefused: (name) => {
      errors.add(1, 'handshake');
      refusedHandshakes.add(1, name);
    },
    cut: (reason) => cuts.add(1, reason),
    draining: () => void (isDraining = true),
    sentAway: (how) => sentAway.add(1, how),
  };
}
