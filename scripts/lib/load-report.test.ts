import { expect, test } from 'vitest';
import { loadReport, type Aggregate } from './load-report.mjs';

const quantiles = { p50: 1.25, p95: 12.3, p99: 40, max: 81.04, min: 0, count: 10 };

const aggregate: Aggregate = {
  counters: {
    'vusers.created': 20,
    'vusers.failed': 3,
    'tickwire.connected': 19,
    'tickwire.ticks': 5000,
    'tickwire.gaps': 2,
    'tickwire.repeats': 0,
    'tickwire.strays': 0,
    'errors.no tick': 1,
    'errors.ended early: transport close': 2,
  },
  summaries: { 'tickwire.tick_age': quantiles, 'tickwire.driver_lag': quantiles },
  firstHistogramAt: 1_000,
  lastHistogramAt: 11_000,
};

/** Lines without their padding. */
function lines(changes: Partial<Aggregate> = {}): string[] {
  return loadReport({ ...aggregate, ...changes }).map((line) => line.trim().replaceAll(/ {2,}/g, ' | '));
}

test('the table says who came, what arrived and how old it was', () => {
  expect(lines()).toEqual(
    expect.arrayContaining([
      'users | 20',
      'connected | 19',
      'failed | 3',
      'ticks | 5000',
      'ticks/s | 500',
      'gaps | 2',
      'repeats | 0',
      'tick age ms | p50 1.3 | p95 12.3 | p99 40 | max 81',
    ]),
  );
});

test('what was not measured is a dash, and never a zero', () => {
  expect(lines()).toContain('snapshot ms | -');
  expect(lines({ lastHistogramAt: 1_000 })).toContain('ticks/s | -');
});

test('the reasons of failed users follow the table, the most frequent first', () => {
  expect(lines().slice(-2)).toEqual(['failed 2 x: ended early: transport close', 'failed 1 x: no tick']);
});

test('a driver that is late itself is named', () => {
  const late = { ...aggregate.summaries, 'tickwire.driver_lag': { ...quantiles, p99: 250 } };
  expect(lines({ summaries: late }).at(-1)).toMatch(/^The driver itself came 250 ms late/);
});
