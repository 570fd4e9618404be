/** Time as the stream takes it, so that tests can hold it still. Runs in browsers, workers and Node. */

/** The time that connections, subscriptions and token renewals go by. */
export interface Clock {
  /** Epoch milliseconds, for people. May jump. */
  now(): number;
  /** Milliseconds that only ever rise, for deadlines. */
  monotonic(): number;
  /** Calls back once, after `ms` and never at once; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

/** The clock of the browser or of Node. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
