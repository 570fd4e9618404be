/** The outcome of a start with several workers: one is ready, too many ended too soon, or it was called off. */

/** So many workers may end before any is ready; then the start has failed. */
const maxFailedStarts = 5;

/** Told of by the primary's slots, and waited for by its `start`. It has no time limit of its own. */
export interface FirstReady {
  /** Rejects with an Error for people after too many failures. */
  readonly outcome: Promise<'ready' | 'closed'>;
  ready(): void;
  /** A worker ended that never was ready; `why` is for people. */
  failed(why: string): void;
  closed(): void;
}

/** Only the first outcome counts. */
export function createFirstReady(): FirstReady {
  let settle: (outcome: 'ready' | 'closed' | Error) => void;
  const outcome = new Promise<'ready' | 'closed'>((resolve, reject) => {
    settle = (value) => (value instanceof Error ? reject(value) : resolve(value));
  });
  let failures = 0;
  return {
    outcome,
    ready: () => settle('ready'),
    failed(why) {
      if (++failures < maxFailedStarts) return;
      settle(new Error(`no worker becomes ready; the last of ${failures} ended with ${why}`));
    },
    closed: () => settle('closed'),
  };
}
