/** The arithmetic of the table, and what it shows. */
import { describe, expect, it } from 'vitest';
import { median } from './median.ts';
import { closingLine, figure, resultOf, resultsDocument } from './results.ts';
import { isMet, rows, slack } from './rows.ts';

describe('a result', () => {
  it('is the median of the ratios of its rounds, not the ratio of medians', () => {
    const result = resultOf(rows.stock20, [
      { ours: 1, peer: 10 },
      { ours: 2, peer: 40 },
      { ours: 3, peer: 33 },
    ]);
    expect(result).toMatchObject({ ours: 2, peer: 33, ratio: 11, spread: [10, 20], rounds: 3 });
  });

  it.each([
    [rows.floor20, 1.2, true, true],
    [rows.floor20, 1.5, false, true],
    [rows.floor20, 1.51, false, false],
    [rows.stock20, 10, true, true],
    [rows.stock20, 7.5, false, true],
    [rows.stock20, 7.4, false, false],
    [rows.ws20, 0.1, true, true],
  ] as const)('%$ meets its goal or is at most a quarter worse', (row, ratio, met, near) => {
    expect(isMet({ row, ratio })).toBe(met);
    expect(isMet({ row, ratio }, slack)).toBe(near);
  });

  it('is no met goal where nothing was measured', () => {
    expect(isMet({ row: rows.floor20, ratio: NaN })).toBe(false);
  });
});

describe('the closing line', () => {
  it('counts goals that were met and those far from it, and rows without a goal apart', () => {
    const results = [
      { row: rows.floor20, ratio: 1.1 },
      { row: rows.floor100, ratio: 1.4 },
      { row: rows.stock20, ratio: 5 },
      { row: rows.stock100, ratio: NaN },
      { row: rows.ws20, ratio: 12 },
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
  ])('of %j is %d', (figures, middle) => expect(median(figures)).toBe(middle));
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
      '| 0.550 | floor | 0.500 | ours / peer = 1.10 | 1.10 - 1.10 | at most 1.2 | yes |',
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
  ])('shows %d as %s', (value, text) => expect(figure(value)).toBe(text));
});
