import { describe, expect, it } from 'vitest';
import { retryDelayMs } from './retry.ts';

describe('retryDelayMs', () => {
  it('draws from zero to a ceiling that doubles from 0.5 s to 20 s', () => {
    const ceilings = [0, 1, 2, 3, 4, 5, 6, 7, 1_000].map((tries) =>
      retryDelayMs({ tries, failingMs: 60_000, retry: 'now', random: () => 1 }),
    );
    expect(ceilings).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000]);
    expect(retryDelayMs({ tries: 6, failingMs: 60_000, retry: 'now', random: () => 0 })).toBe(0);
  });

  it('does not wait long for what has not failed for long, however many short draws there were', () => {
    const ceilings = [0, 100, 1_000, 3_000].map((failingMs) =>
      retryDelayMs({ tries: 6, failingMs, retry: 'now', random: () => 1 }),
    );
    expect(ceilings).toEqual([500, 700, 2_500, 6_500]);
  });

  it('puts a retry that is asked for later off by at least two seconds', () => {
    expect(retryDelayMs({ tries: 0, failingMs: 0, retry: 'later', random: () => 0 })).toBe(2_000);
    expect(retryDelayMs({ tries: 6, failingMs: 0, retry: 'later', random: () => 0 })).toBe(10_000);
  });
});
