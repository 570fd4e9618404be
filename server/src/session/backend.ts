/** What sessions need of a backend that takes their own events, and which events may go there. Pure. SPEC.md [BR2]. */
import { isEventName, isReservedEvent, limits, refusal, type Refusal } from '../../protocol/index.ts';
import { isPlainJson } from '../support/plain-json.ts';
import type { Parsed } from './subscribe-request.ts';

/** What the backend answered, any JSON, or why there is no answer. */
export type BackendAnswer = { ok: true; answer: unknown } | { ok: false; refusal: Refusal };

/** One session's line to the backend. */
export interface BackendLine {
  /** Sends an event after those before it. `onAnswer` is called once; it is null where nobody waits for an answer. */
  send(event: string, data: unknown, onAnswer: ((answer: BackendAnswer) => void) | null): void;
  /** Refuses at once whatever the client still waits for. */
  leave(): void;
  /** The session has ended. */
  end(): void;
}

/** The backend as sessions see it. That it is away is told by refusals: nothing of it throws or rejects. */
export interface Backend {
  /** Begins the line of a session that has just begun. `ready` resolves when its client may be sent another answer. */
  open(of: { session: string; user: string | null; ready: () => Promise<void> }): BackendLine;
}

interface BackendEvent {
  event: string;
  data: unknown;
}

/** Takes what a client sent with an event that is none of ours: one payload of JSON, or none. */
export function parseBackendEvent(event: unknown, payload: readonly unknown[]): Parsed<BackendEvent> {
  if (!isEventName(event))
    return refused(
      refusal(
        'unknown_event',
        `no such event: names are a letter or _, then letters, digits and _ . : -, at most ${limits.maxEventLength} characters`,
      ),
    );
  if (isReservedEvent(event)) return refused(refusal('reserved_event'));
  const [data = null] = payload;
  if (payload.length > 1 || !isPlainJson(data, limits.maxDataDepth))
    return refused(
      refusal(
        'bad_payload',
        `an event has one payload of JSON at most, without binary, with at most ${limits.maxDataDepth} lists and objects within each other`,
      ),
    );
  return { ok: true, value: { event, data } };
}

function refused(why: Refusal): Parsed<BackendEvent> {
  return { ok: false, refusal: why };
}
