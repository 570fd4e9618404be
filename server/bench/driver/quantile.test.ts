/** Quantiles of counted values. */
import { expect, it } from 'vitest';
import { quantile } from './crowd.ts';

it.each([
  [[], 0.5, 0],
  [[0, 0, 4], 0.5, 2.5],
  [[1, 1, 1, 1], 0.5, 2],
  [[10, 0, 0, 10], 0.99, 3.98],
])('the quantile of the counts %j at %d is %d', (counts, share, value) =>
  expect(quantile(Uint32Array.from(counts), share)).toBeCloseTo(value, 5),
);
