/** Waits for conditions with a deadline, and reports what was seen when the deadline passes. */
import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 10;

export interface UntilOptions {
  /** Milliseconds until `until` rejects. */
  withinMs?: number;
  /** The error shows this value beside the condition's source. */
  saw?: () => unknown;
  /** The error's message, instead of the condition's source. */
  otherwise?: () => string;
  /** When aborted, `until` rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Resolves with the condition's first result that is neither false, null nor undefined. Rejects when the condition throws. */
export async function until<T>(
  condition: () => T | Promise<T>,
  { withinMs = 15_000, saw, otherwise, signal }: UntilOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    signal?.throwIfAborted();
    const result = await condition();
    if (result !== false && result !== null && result !== undefined)
      return result as Exclude<T, false | null | undefined>;
    if (performance.now() > deadline) {
      if (otherwise !== undefined) throw new Error(`${otherwise()} (waited ${withinMs} ms)`);
      const seen = saw === undefined ? '' : `; saw ${JSON.stringify(await saw())?.slice(0, 2_000)}`;
      throw new Error(`not within ${withinMs} ms: ${condition.toString()}${seen}`);
    }
    await delay(pollMs);
  }
}

/** True if the URL answers with 2xx within `limitMs`; false too when nothing listens. */
export async function answersOk(url: string, limitMs = 1_000): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(limitMs) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false; // The caller asks again.
  }
}
