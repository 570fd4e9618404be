/**
 * One session's calls: answered in the order in which they came, no faster than the answers are read, and no more of them than
 * its connection may make. Knows no call. Keeps SPEC.md [C3], [LM4], [LM5].
 */
import type { MayCall } from './call-budgets.ts';
import { caughtUp, isCaughtUp, type Connection } from './connection.ts';

interface CallLineOptions {
  conn: Connection;
  /** Of the connection, which may have had a session before. */
  mayCall: MayCall;
}

/** Calls that wait for an earlier one of the same session: a page that asks for its symbols one by one has some hundreds. */
const maxWaitingCalls = 600;
/** A call is answered when of earlier answers no more bytes than these wait to be read. */
const maxUnreadAnswerBytes = 65_536;

/** Of every line that nothing has waited in yet. */
const settled = Promise.resolve();

/** Resolves when the client has read enough of earlier answers to get another, or is gone. */
export function answersRead(conn: Connection): Promise<void> {
  return caughtUp(conn, maxUnreadAnswerBytes);
}

/** A class: thousands of them wait for most of their time. */
export class CallLine {
  readonly #conn: Connection;
  /** Whether a call that weighs as much may be made now; it then counts. */
  readonly mayCall: MayCall;
  #last: Promise<void> = settled;
  #waiting = 0;

  constructor({ conn, mayCall }: CallLineOptions) {
    this.#conn = conn;
    this.mayCall = mayCall;
  }

  /** Makes the call in its turn, at once where nothing is in front of it; `onError` is told what it throws. False where it is one too many. */
  take(call: () => void | Promise<void>, weight: number, onError: (error: unknown) => void): boolean {
    if (this.#waiting >= maxWaitingCalls || !this.mayCall(weight)) return false;
    let done: Promise<void> | void = undefined;
    if (this.#waiting === 0 && isCaughtUp(this.#conn, maxUnreadAnswerBytes)) {
      // At once: in a storm of subscribers the turns of a chain of promises cost as much as the answers.
      try {
        done = call();
      } catch (error) {
        onError(error);
      }
      if (done === undefined) return true;
    } else done = this.#last.then(() => answersRead(this.#conn)).then(call);
    this.#waiting++;
    this.#last = done.catch(onError).finally(() => this.#waiting--);
    return true;
  }
}
