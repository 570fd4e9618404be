/** Calls that must not overlap. Knows nothing of what they do. */

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
