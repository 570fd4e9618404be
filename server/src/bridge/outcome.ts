/** What can become of a request to the backend, and what its client is told. Pure. SPEC.md [BR5]. */
import type { CodeName } from '../../protocol/index.ts';

interface Meaning {
  /** What the client is told. */
  refusal: CodeName;
  /**
   * Whether it tells that the backend is away. A 500 or an answer without sense is about one event, and whoever sends such
   * events must not close the bridge for everyone.
   */
  isAway: boolean;
}

const meanings = {
  /** Another status of 400 to 499: the backend does not want it. */
  refused: { refusal: 'backend_refused', isAway: false },
  /** 429 or 503: the backend took nothing. */
  busy: { refusal: 'backend_unavailable', isAway: true },
  /** It could not be sent. */
  unreachable: { refusal: 'backend_unavailable', isAway: true },
  /** No whole answer in time. */
  timeout: { refusal: 'backend_unconfirmed', isAway: true },
  /** The connection ended before the answer. */
  lost: { refusal: 'backend_unconfirmed', isAway: true },
  /** A redirect, a 500 or another status that is no answer. */
  error: { refusal: 'backend_unconfirmed', isAway: false },
  /** An answer that is no JSON, too large or broken. */
  bad_answer: { refusal: 'backend_unconfirmed', isAway: false },
  /** It waited for others for as long as an answer may take, and was not sent. */
  late: { refusal: 'backend_unavailable', isAway: false },
  /** Too many waited already. */
  full: { refusal: 'backend_unavailable', isAway: false },
  /** The backend was away a moment ago, and is not asked again yet. */
  open: { refusal: 'backend_unavailable', isAway: false },
  /** This replica leaves, and it was not sent. */
  leaving: { refusal: 'draining', isAway: false },
} as const satisfies Record<string, Meaning>;

/** Why an event or a notice has no answer of the backend. */
export type Failure = keyof typeof meanings;
/** What became of an event or a notice. */
export type Outcome = Failure | 'answered';

/** What became of one; `detail` is for the log, and holds nothing that a client sent. `status` is that of a bad answer, where one could be read. */
export type Sent =
  | { readonly outcome: 'answered'; readonly answer: unknown }
  | { readonly outcome: Failure; readonly detail: string; readonly status?: number };

/** Whether it tells that the backend is away: so many of them in a row open the breaker. */
export function isAway({ outcome }: Sent): boolean {
  return outcome !== 'answered' && meanings[outcome].isAway;
}

/** Whether the backend said something to a notice, be it that it does not want it, or by a status of 200 to 299 alone: then it knows. */
export function isTaken(sent: Sent): boolean {
  if (sent.outcome !== 'bad_answer') return sent.outcome === 'answered' || sent.outcome === 'refused';
  const { status = 0 } = sent;
  return status >= 200 && status < 300;
}

/** The name of what the client is told. */
export function refusalNameOf(failure: Failure): CodeName {
  return meanings[failure].refusal;
}
