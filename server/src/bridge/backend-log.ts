/**
 * What is logged of a backend: one line when it is away and one when it is back, and of each kind of failure a line in ten
 * seconds, with how many there were beside it. Never what a client sent, and of the address the host alone.
 */
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import type { Outcome, Sent } from './outcome.ts';

/** A request as the log names it. */
export interface Named {
  /** The request's id, which the backend gets too. */
  id: string;
  event: string;
  /** Null where it is of none. */
  session: string | null;
}

/** What the log is told of the backend. */
export interface BackendLog {
  /** A request had that end, after so many milliseconds. */
  ended(request: Named, sent: Sent, ms: number): void;
  /** Requests fail one after the other: for now few are sent. */
  away(): void;
  back(): void;
}

const sampleMs = 10_000;

/** Tells the log nothing of itself; throws where the url is no url. */
export function createBackendLog({
  url,
  log,
  clock,
}: {
  url: string;
  log: Log;
  clock: Pick<Clock, 'monotonic'>;
}): BackendLog {
  const { host: backend } = new URL(url);
  const samples = new Map<Outcome, { nextAt: number; unlogged: number }>();
  let lastDetail = '';
  /** Requests that were not answered since it is away. */
  let lost: number | null = null;

  function ended({ id, event, session }: Named, sent: Sent, ms: number): void {
    const { outcome } = sent;
    const line = { backend, request: id, event, session, outcome, ms: Math.round(ms) };
    if (sent.outcome === 'answered') {
      log.debug(line, 'the backend answered');
      return;
    }
    const { detail } = sent;
    lastDetail = detail;
    if (lost !== null) lost++;
    const sample = samples.get(outcome) ?? { nextAt: -Infinity, unlogged: 0 };
    samples.set(outcome, sample);
    const now = clock.monotonic();
    if (now < sample.nextAt) {
      sample.unlogged++;
      log.debug({ ...line, detail }, 'an event has no answer of the backend');
      return;
    }
    log.warn({ ...line, detail, unlogged: sample.unlogged }, 'an event has no answer of the backend');
    samples.set(outcome, { nextAt: now + sampleMs, unlogged: 0 });
  }

  return {
    ended,
    away: () => {
      if (lost === null) log.warn({ backend, detail: lastDetail }, 'the backend is away');
      lost ??= 0;
    },
    back: () => {
      log.warn({ backend, unanswered: lost ?? 0 }, 'the backend is back');
      lost = null;
    },
  };
}
