import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from './clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('calls back once a period, and those whose periods divide each other at the same instants', () => {
  const called: Record<number, number[]> = { 100: [], 250: [], 500: [] };
  const stops = [100, 250, 500].map((ms) => {
    vi.advanceTimersByTime(37);
    return systemClock.every(ms, () => called[ms]?.push(performance.now()));
  });
  vi.advanceTimersByTime(10_000);
  for (const stop of stops) stop();
  const counts = Object.values(called).map((instants) => instants.length);
  vi.advanceTimersByTime(10_000);
  expect(Object.values(called).map((instants) => instants.length)).toEqual(counts);
  expect(counts[0]).toBeGreaterThanOrEqual(99);
  expect(counts[0]).toBeLessThanOrEqual(101);
  for (const [ms, instants] of Object.entries(called))
    for (const [i, at] of instants.slice(1).entries()) expect(at - (instants[i] ?? 0)).toBe(Number(ms));
  const together = called[500]?.slice(1) ?? [];
  for (const ms of [100, 250]) for (const at of together) expect(called[ms]).toContain(at);
});

it('is not called any more once it was ended, also by itself', () => {
  let calls = 0;
  const stop = systemClock.every(50, () => {
    calls++;
    stop();
  });
  vi.advanceTimersByTime(1_000);
  expect(calls).toBe(1);
});
