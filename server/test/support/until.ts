/** Waits for conditions, and says what it saw when the deadline comes first. */

interface UntilOptions {
  /** Milliseconds until it gives up. */
  withinMs?: number;
  /** What is told when it gave up. */
  saw?: () => unknown;
}

/** Resolves with the condition's first result that is neither false, null nor undefined. */
export async function until<T>(
  condition: () => T | Promise<T>,
  { withinMs = 5_000, saw }: UntilOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const result = await condition();
    if (result !== false && result !== null && result !== undefined)
      return result as Exclude<T, false | null | undefined>;
    if (performance.now() > deadline) {
      const seen = saw === undefined ? '' : `; saw ${JSON.stringify(await saw())?.slice(0, 2_000)}`;
      throw new Error(`not within ${withinMs} ms: ${condition.toString()}${seen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
