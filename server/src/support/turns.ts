/** Calls that must not overlap, and long work that must not block the event loop. Knows nothing of what they do. */

/** Makes the call when all before it have settled, whichever way; settles as it does. */
export type TakeTurn = <T>(call: () => Promise<T>) => Promise<T>;

/** Gives the function that takes calls in their order. */
export function createTurns(): TakeTurn {
  let last: Promise<unknown> = Promise.resolve();

  return (call) => {
    const outcome = last.then(call, call);
    last = outcome;
    return outcome;
  };
}

/**
 * Gives a function that resolves for one caller per turn of the event loop, in their order. What a caller then does at once delays all
 * other work by that much only, however many callers there are.
 */
export function createLoopTurns(): () => Promise<void> {
  const waiting: (() => void)[] = [];

  function next(): void {
    waiting.shift()?.();
    if (waiting.length > 0) setImmediate(next);
  }

  return () =>
    new Promise((resolve) => {
      if (waiting.push(resolve) === 1) setImmediate(next);
    });
}
