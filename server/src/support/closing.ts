/** Acquire in order, release in reverse: a stack of closers that runs once. */

/** The closers of one owner, added as it starts. What is added once `close` has resolved is not closed any more. */
export interface Closing {
  /** Adds what is to be closed before everything that was added earlier. */
  add(close: () => void | Promise<void>): void;
  /** Runs every closer, the last added first, each also when another failed. A second call gives the first one's promise. */
  close(): Promise<void>;
}

/** `onError` is told of a closer that failed; the others still run. */
export function createClosing({ onError }: { onError: (error: unknown) => void }): Closing {
  const closers: (() => void | Promise<void>)[] = [];
  let closed: Promise<void> | null = null;

  async function closeAll(): Promise<void> {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) {
      try {
        await closer();
      } catch (error) {
        onError(error);
      }
    }
  }

  return {
    add: (close) => void closers.push(close),
    close: () => (closed ??= closeAll()),
  };
}
