/**
 * Sends requests to the backend: so many at once, events before notices, again what was never sent, and none for a time when
 * the backend is away. Knows no sessions. Keeps SPEC.md [BR5], [BR6].
 */
import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhenResult,
  isBrokenCircuitError,
} from 'cockatiel';
import PQueue from 'p-queue';
import { backoffMs } from '../support/backoff.ts';
import type { Clock } from '../support/clock.ts';
import type { BackendLog, Named } from './backend-log.ts';
import { isAway, type Outcome, type Sent } from './outcome.ts';
import type { Post } from './post.ts';

/** One request, the same whenever it is sent. */
export interface BackendRequest extends Named {
  /** JSON. */
  body: string;
  isNotice: boolean;
}

/** Whether the backend is asked: always, not, or once to see. */
export type BreakerState = 'closed' | 'open' | 'half_open';

interface SenderOptions {
  post: Post['post'];
  /** Requests on their way at once. */
  maxConcurrent: number;
  /** How long a request may wait for others, and then for its answer, in milliseconds. */
  timeoutMs: number;
  clock: Pick<Clock, 'monotonic' | 'after'>;
  log: BackendLog;
  /** Gives a number in [0, 1). */
  random: () => number;
  /** Fires once for each request. */
  onOutcome: (outcome: Outcome, ms: number) => void;
  onBreaker: (state: BreakerState) => void;
}

/** What stands between all lines and the backend. */
export interface Sender {
  /** Never rejects but for a fault of ours. */
  send(request: BackendRequest): Promise<Sent>;
  /** If the notice still waits for others, it goes with the events from now on: an event waits for it. */
  hurry(notice: BackendRequest): void;
  /** From now on nothing that waits is sent. */
  close(): void;
}

/** Where so many fail one after the other, the backend is away. */
const failuresUntilAway = 5;
/** How long it is then left alone, doubling with each failure, with jitter; in milliseconds. */
const restMs = { initialDelay: 500, maxDelay: 10_000 };
/** Once more for a request that was never sent: a backend that restarts is soon back. */
const maxRetries = 2;
const retry = { baseMs: 100, maxMs: 500 };
const noticePriority = 0;
const eventPriority = 1;

const open: Sent = { outcome: 'open', detail: 'the backend is left alone for a moment' };
const leaving: Sent = { outcome: 'leaving', detail: 'this replica leaves' };

/** Sends nothing of itself, not even to see whether the backend is back: the next request does. */
export function createSender(options: SenderOptions): Sender {
  const { post, maxConcurrent, timeoutMs, clock, log, random, onOutcome, onBreaker } = options;
  const queue = new PQueue({ concurrency: maxConcurrent });
  const breaker = circuitBreaker(
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what it runs gives nothing else
    handleWhenResult((result) => isAway(result as Sent)),
    { halfOpenAfter: new ExponentialBackoff(restMs), breaker: new ConsecutiveBreaker(failuresUntilAway) },
  );
  /** Ids of those that were not sent yet. */
  const waiting = new Set<string>();
  let isClosed = false;

  breaker.onStateChange((state) => {
    if (state === CircuitState.Open) log.away();
    if (state === CircuitState.Closed) log.back();
    onBreaker(
      state === CircuitState.Open ? 'open' : state === CircuitState.HalfOpen ? 'half_open' : 'closed',
    );
  });

  async function attempt(request: BackendRequest, deadline: number): Promise<Sent> {
    for (let retries = 0; ; retries++) {
      const sent = await post(request, deadline - clock.monotonic());
      const delayMs = backoffMs(retries, { ...retry, random });
      const isLast = retries === maxRetries || clock.monotonic() + delayMs >= deadline || isClosed;
      if (sent.outcome !== 'unreachable' || isLast) return sent;
      await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
    }
  }

  async function take(request: BackendRequest, waitedEnoughAt: number): Promise<Sent> {
    if (isClosed) return leaving;
    // Nobody waits for a notice; without it later events of the session would be of nobody.
    if (!request.isNotice && clock.monotonic() >= waitedEnoughAt)
      return { outcome: 'late', detail: `waited for others for ${timeoutMs} ms` };
    // One is on its way to see whether the backend is back; others do not wait for that.
    if (breaker.state === CircuitState.HalfOpen) return open;
    try {
      // From here on: a backend that answers in time is not away because others were in front.
      const deadline = clock.monotonic() + timeoutMs;
      return await breaker.execute(() => attempt(request, deadline));
    } catch (error) {
      if (isBrokenCircuitError(error)) return open;
      throw error;
    }
  }

  return {
    send: async (request) => {
      const startedAt = clock.monotonic();
      const { id, isNotice } = request;
      waiting.add(id);
      const sent = await queue.add(
        () => {
          waiting.delete(id);
          return take(request, startedAt + timeoutMs);
        },
        { id, priority: isNotice ? noticePriority : eventPriority },
      );
      const ms = clock.monotonic() - startedAt;
      onOutcome(sent.outcome, ms);
      log.ended(request, sent, ms);
      return sent;
    },
    hurry: ({ id }) => {
      if (waiting.has(id)) queue.setPriority(id, eventPriority);
    },
    close: () => void (isClosed = true),
  };
}
