/** Waiting for a condition, with a deadline that says what was seen. */
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Resolves with the first value of `condition` that is neither false, null nor undefined. Rejects when `condition` throws, when
 * `signal` is aborted, or with what `otherwise` says when the deadline has passed.
 *
 * @template T
 * @param {() => T | false | null | undefined | Promise<T | false | null | undefined>} condition
 * @param {{ withinMs: number, otherwise: () => string, pollMs?: number, signal?: AbortSignal | undefined }} options
 * @returns {Promise<T>}
 */
export async function until(condition, { withinMs, otherwise, pollMs = 25, signal }) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    signal?.throwIfAborted();
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`${otherwise()} (waited ${withinMs} ms)`);
    await delay(pollMs);
  }
}

/**
 * Whether an address answers with 2xx; false also while nobody listens.
 *
 * @param {string} url
 * @param {number} [limitMs]
 */
export async function answersOk(url, limitMs = 1_000) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(limitMs) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false; // Not yet: the caller asks again.
  }
}
