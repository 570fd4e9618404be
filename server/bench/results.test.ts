/** The arithmetic of the table, and what it shows. */
import { describe, expect, it } from 'vitest';
import { closingLine, resultOf, resultsDocument, shown } from './results.ts';
import { isMet, rows, slack } from './rows.ts';
import { fitLine, median } from './statistics.ts';

describe('a result', () => {
  it('is the median of the ratios of its rounds, not the ratio of medians', () => {
    const result = resultOf(rows.stock20, [
      { ours: 1, peer: 10 },
      { ours: 2, peer: 40 },
      { ours: 3, peer: 33 },
    ]);
    expect(result).toMatchObject({ ours: 2, peer: 33, value: 11, spread: [10, 20], rounds: 3 });
  });

  it.each([
    [rows.bun20, 1, true, true],
    [rows.bun20, 1.25, false, true],
    [rows.bun20, 1.26, false, false],
    [rows.stock20, 10, true, true],
    [rows.stock20, 7.5, false, true],
    [rows.stock20, 7.4, false, false],
    [rows.ws20, 0.1, true, true],
  ] as const)('%$ meets its goal or is at most a quarter worse', (row, value, met, near) => {
    expect(isMet({ row, value })).toBe(met);
    expect(isMet({ row, value }, slack)).toBe(near);
  });

  it('is ours itself if the goal is a bound', () => {
    const result = resultOf(rows.busLeader, [{ ours: 9 }, { ours: 11 }, { ours: 13 }]);
    expect(result).toMatchObject({ ours: 11, value: 11, spread: [9, 13] });
    expect(isMet(result)).toBe(true);
  });

  it('misses its goal if nothing was measured', () => {
    expect(isMet({ row: rows.floor20, value: NaN })).toBe(false);
  });
});

describe('the closing line', () => {
  it('counts goals that were met and those far from it, and rows without a goal apart', () => {
    const results = [
      { row: rows.floor20, value: 1.1 },
      { row: rows.floor100, value: 1.4 },
      { row: rows.stock20, value: 5 },
      { row: rows.stock100, value: NaN },
      { row: rows.ws20, value: 12 },
    ];
    expect(closingLine(results)).toBe(
      '1 of 4 goals met, 2 missed by more than a quarter; rows without a goal: 1',
    );
  });
});

describe('the median', () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[7], 7],
    [[], NaN],
  ])('of %j is %d', (values, middle) => expect(median(values)).toBe(middle));
});

describe('a fitted line', () => {
  it('has the slope and the intercept of points on it', () => {
    const points = [0, 1, 5].map((x) => ({ x, y: 3 * x + 2 }));
    const { slope, intercept } = fitLine(points);
    expect(slope).toBeCloseTo(3, 9);
    expect(intercept).toBeCloseTo(2, 9);
  });
});

describe('the document', () => {
  it('has a row for each result, and says what machine it was', () => {
    const machine = { cpu: 'a CPU', cores: 2, memoryGb: 4, system: 'Linux', node: '20.0.0' };
    const document = resultsDocument({
      results: [resultOf(rows.floor20, [{ ours: 0.55, peer: 0.5 }])],
      notes: ['a note'],
      drivers: [{ experiment: 'stage', lagP99: 3, busy: 0.25 }],
      machine: { ...machine, commit: 'abc', date: 'today', load: 0.5 },
    });
    expect(document).toContain(
      '| 0.550 | floor | 0.500 | ours / peer = 1.10 | 1.10 - 1.10 | at most 1.15 | yes |',
    );
    expect(document).toContain('at commit abc with Node 20.0.0, on 2 cores of a CPU');
    expect(document).toContain('- a note');
    expect(document).toContain('| stage | 3.00 ms | 0.250 |');
  });

  it.each([
    [1_234.5, '1235'],
    [12.345, '12.3'],
    [0.0123, '0.012'],
    [0, '0.00'],
    [NaN, '-'],
  ])('shows %d as %s', (value, text) => expect(shown(value)).toBe(text));
});
