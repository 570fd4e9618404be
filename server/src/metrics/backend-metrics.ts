/** Figures of the bridge to a backend. */
import type { Metrics } from '../support/metrics.ts';

/** How the composition root tells of the bridge. */
export interface BackendMetrics {
  /** An event or notice for the backend had that end, of few kinds, after so many milliseconds. */
  backendAsked(outcome: string, ms: number): void;
  /** So many of them wait or are on their way. */
  backendWaiting(count: number): void;
  backendBreaker(state: 'closed' | 'half_open' | 'open'): void;
}

const outcomes = [
  'answered',
  'refused',
  'busy',
  'error',
  'bad_answer',
  'timeout',
  'lost',
  'unreachable',
  'late',
  'full',
  'open',
  'leaving',
];
const breakerValues = { closed: 0, half_open: 0.5, open: 1 };
/** Ends of a request that was never on its way: how long it took says nothing of the backend. */
const neverSent = new Set(['unreachable', 'late', 'full', 'open', 'leaving']);

/** Declares them. */
export function createBackendMetrics({
  metrics: { counter, gauge, histogram },
}: {
  metrics: Metrics;
}): BackendMetrics {
  let waiting = 0;
  let breaker = breakerValues.closed;

  const requests = counter({
    name: 'tickwire_backend_requests_total',
    help: 'Events and notices for the backend, by what became of them: answered, refused, busy, error, bad_answer, timeout, lost, and never sent: unreachable, late, full, open, leaving.',
    label: 'outcome',
    values: outcomes,
  });
  const seconds = histogram({
    name: 'tickwire_backend_request_seconds',
    help: 'How long those took that were sent, with what they waited for others.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  });
  gauge({
    name: 'tickwire_backend_waiting',
    help: 'Events and notices that wait for the backend or are on their way.',
    read: () => waiting,
  });
  gauge({
    name: 'tickwire_backend_breaker',
    help: '1 while the backend is away and is left alone, 0.5 while one request finds out whether it is back, else 0.',
    read: () => breaker,
  });

  return {
    backendAsked: (outcome, ms) => {
      requests.add(1, outcome);
      if (!neverSent.has(outcome)) seconds(ms / 1_000);
    },
    backendWaiting: (count) => void (waiting = count),
    backendBreaker: (state) => void (breaker = breakerValues[state]),
  };
}
