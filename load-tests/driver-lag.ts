/**
 * How late this very process is: a load driver that cannot keep up makes every figure worse than it was, so it reports
 * its own lag beside them. Knows nothing of what is driven.
 */

const sampleMs = 50;

/**
 * Reports, each 50 ms, by how many milliseconds a timer came late, until the returned function is called. A stall counts
 * as all the samples that it swallowed, each with what was left of it.
 */
export function watchDriverLag(onLag: (lagMs: number) => void): () => void {
  let dueAt = performance.now() + sampleMs;
  const timer = setInterval(() => {
    const now = performance.now();
    for (let lag = Math.max(0, now - dueAt); ; lag -= sampleMs) {
      onLag(lag);
      if (lag < sampleMs) break;
    }
    dueAt = now + sampleMs;
  }, sampleMs);
  return () => clearInterval(timer);
}
