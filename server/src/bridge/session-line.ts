/**
 * What one session has to tell the backend, in order and one at a time: that it connected, its events, that it is gone. Knows
 * no socket. A class: thousands of them wait for most of their time. Keeps SPEC.md [BR4], [BR8].
 */
import { refusal, type CodeName, type Refusal } from '../../protocol/index.ts';
import { isTaken, refusalNameOf, type Sent } from './outcome.ts';
import type { BackendRequest } from './sender.ts';

/** What the client is told: what the backend answered, any JSON, or a refusal. */
export type BackendAnswer = { ok: true; answer: unknown } | { ok: false; refusal: Refusal };
/** Fires once, with what the client is to be told. */
export type OnAnswer = (answer: BackendAnswer) => void;

/** The session that a line is of, as the backend is told of it. */
export interface SessionOfLine {
  /** Its id. */
  session: string;
  user: string | null;
  /** Resolves when the client has read enough of earlier answers to get another. */
  ready: () => Promise<void>;
}

/** What all lines of a replica share. */
export interface LineStage {
  /** Makes the request, and its place among those that wait; null where there is none. */
  enter(event: string, data: unknown, of: SessionOfLine): BackendRequest | null;
  /** Gives that place back. */
  leave(request: BackendRequest): void;
  /** Fires for the end of a session that the backend was not told of, or may not have been. */
  onUntold(): void;
  send(request: BackendRequest): Promise<Sent>;
  /** The notice goes with the events from now on, and no longer behind the notices of other sessions. */
  hurry(notice: BackendRequest): void;
  /** Fires when the last of a line has ended. */
  onEnded(line: SessionLine): void;
  /** Fires for a fault of ours. */
  onError(error: unknown): void;
}

interface Call {
  readonly request: BackendRequest;
  /** Null where nobody waits, or no longer. */
  onAnswer: OnAnswer | null;
  at: 'waiting' | 'sent' | 'refused';
  /** Whether the backend has said something to it. */
  isTaken: boolean;
}

/** Calls of one session that wait, so that none takes the places of all. */
const maxWaitingCalls = 100;
const tooMany = 'too many events wait for the backend; try again';

/** Tells `connect` as it is made, then what it is given, and `disconnect` last, once its session has called `end`. */
export class SessionLine {
  readonly #stage: LineStage;
  readonly #of: SessionOfLine;
  #last: Promise<void> = Promise.resolve();
  /** Events, not notices. */
  readonly #calls = new Set<Call>();
  /** The notice that was handed on and has no answer yet. */
  #notice: BackendRequest | null = null;
  #isOver = false;

  constructor(stage: LineStage, of: SessionOfLine) {
    this.#stage = stage;
    this.#of = of;
    void this.tellConnect();
  }

  /**
   * Tells that the session is there; once more where the backend was told that it is gone. Resolves with whether the backend
   * knows, or need not as the session is over. Never rejects.
   */
  async tellConnect(): Promise<boolean> {
    return this.#isOver || this.#notify('connect');
  }

  /** Sends the event after those before it. `onAnswer` is called once, at once where too many wait; null where nobody waits for it. */
  send(event: string, data: unknown, onAnswer: OnAnswer | null): void {
    if (this.#calls.size >= maxWaitingCalls) {
      onAnswer?.(refused('too_many_calls'));
      return;
    }
    const request = this.#stage.enter(event, data, this.#of);
    if (request === null) {
      onAnswer?.(refused('backend_unavailable', tooMany));
      return;
    }
    const call: Call = { request, onAnswer, at: 'waiting', isTaken: false };
    this.#calls.add(call);
    if (this.#notice !== null) this.#stage.hurry(this.#notice);
    this.#last = this.#last
      .then(() => (onAnswer === null ? undefined : this.#of.ready()))
      .then(() => this.#take(call));
  }

  /** Refuses everything that a client still waits for: its connection is about to be closed. What was not sent is not. */
  leave(): void {
    for (const call of this.#calls) {
      const { onAnswer } = call;
      if (onAnswer === null) continue;
      call.onAnswer = null;
      if (call.at === 'sent') onAnswer(refused('backend_unconfirmed'));
      else {
        call.at = 'refused';
        onAnswer(refused('draining'));
      }
    }
  }

  /** The session is gone, which the backend is told after all that came before. */
  end(): void {
    this.#isOver = true;
    void this.#notify('disconnect');
    this.#last = this.#last.then(() => this.#stage.onEnded(this));
  }

  /** Resolves with whether the backend has said something to it. */
  async #notify(event: 'connect' | 'disconnect'): Promise<boolean> {
    const request = this.#stage.enter(event, null, this.#of);
    if (request === null) {
      this.#untold(event);
      return false;
    }
    const call: Call = { request, onAnswer: null, at: 'waiting', isTaken: false };
    this.#last = this.#last.then(() => this.#take(call));
    await this.#last;
    return call.isTaken;
  }

  #untold(event: string): void {
    if (event === 'disconnect') this.#stage.onUntold();
  }

  /** Never rejects: those after it would wait for ever. */
  async #take(call: Call): Promise<void> {
    try {
      const answer = await this.#answerTo(call);
      call.onAnswer?.(answer);
    } catch (error) {
      this.#stage.onError(error);
    }
  }

  async #answerTo(call: Call): Promise<BackendAnswer> {
    try {
      if (call.at === 'refused') return refused('draining');
      call.at = 'sent';
      const sending = this.#stage.send(call.request);
      if (call.request.isNotice) {
        this.#notice = call.request;
        if (this.#calls.size > 0) this.#stage.hurry(call.request);
      }
      const sent = await sending;
      call.isTaken = isTaken(sent);
      if (!call.isTaken) this.#untold(call.request.event);
      return sent.outcome === 'answered'
        ? { ok: true, answer: sent.answer }
        : refused(refusalNameOf(sent.outcome));
    } catch (error) {
      this.#stage.onError(error);
      return refused('internal');
    } finally {
      this.#calls.delete(call);
      if (this.#notice === call.request) this.#notice = null;
      this.#stage.leave(call.request);
    }
  }
}

function refused(name: CodeName, message?: string): BackendAnswer {
  return { ok: false, refusal: refusal(name, message) };
}
