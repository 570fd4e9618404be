/** Time as the stages take it, so that tests can hold it still. */

/** What stages ask instead of `Date` and timers: `systemClock`, or one that a test moves. To cancel what is over does nothing. */
export interface Clock {
  /** Epoch milliseconds, for people and for `ts`. May jump. */
  now(): number;
  /** Milliseconds that only ever rise, for deadlines and ages. */
  monotonic(): number;
  /** Calls back once, after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
  /**
   * Calls back each `ms` until the returned function is called. Clocks may choose the first instant, half of `ms` away at
   * least, and never make up for a call that was missed.
   */
  every(ms: number, callback: () => void): () => void;
}

/**
 * The machine's clock. Its timers keep the process alive until they are cancelled. Periods begin at their multiples, so that
 * those which divide each other end in one step of the event loop: to wake an idle process takes more than what it then does.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, callback) => {
    let timer: NodeJS.Timeout;
    const schedule = (): void => {
      const now = performance.now();
      // Timers come up to a millisecond early or late: the next multiple is the first that is half a period away.
      timer = setTimeout(run, ms * Math.ceil(now / ms + 0.5) - now);
    };
    const run = (): void => {
      schedule();
      callback();
    };
    schedule();
    return () => clearTimeout(timer);
  },
};
