/**
 * Loaded into a replica by a test: a monotonic clock that does not count the time in which the process did not run. A leader that
 * was frozen believes that it still has its lease, and only the store's fence is left.
 */
const stepMs = 20;
const maxStepMs = 100;
const real = performance.now.bind(performance);
let seen = real();
let told = seen;

Object.defineProperty(performance, 'now', {
  value: () => {
    const now = real();
    told += Math.min(now - seen, maxStepMs);
    seen = now;
    return told;
  },
});
setInterval(() => performance.now(), stepMs).unref();
