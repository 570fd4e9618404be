/** Time as the stages take it, so that tests can hold it still. */

export interface Clock {
  /** Epoch milliseconds, for people and for `ts`. May jump. */
  now(): number;
  /** Milliseconds that only ever rise, for deadlines and ages. */
  monotonic(): number;
  /** Calls back once, after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
  /** Calls back each `ms` until the returned function is called. */
  every(ms: number, callback: () => void): () => void;
}

/** The machine's clock. Its timers keep the process alive until they are cancelled. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, callback) => {
    const timer = setInterval(callback, ms);
    return () => clearInterval(timer);
  },
};
