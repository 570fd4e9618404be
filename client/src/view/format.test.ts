import { describe, expect, it } from 'vitest';
import { formatAge, formatCount, formatDecimal, placeBetween, splitMoved } from './format.ts';

describe('format', () => {
  it.each([
    ['0', '0'],
    ['999', '999'],
    ['1000', '1,000'],
    ['64250.10', '64,250.10'],
    ['1234567.0001200', '1,234,567.0001200'],
    ['0.00001234', '0.00001234'],
  ])('shows %s as %s, each digit as it came', (decimal, text) => {
    expect(formatDecimal(decimal)).toBe(text);
  });

  it('finds the part of a price that moved', () => {
    expect(splitMoved('64,250.10', '64,249.95')).toEqual(['64,2', '50.10']);
    expect(splitMoved('10.5', null)).toEqual(['', '10.5']);
    expect(splitMoved('100.0', '99.9')).toEqual(['', '100.0']);
    expect(splitMoved('5.0', '5.0')).toEqual(['5.0', '']);
  });

  it.each([
    [0, '0.0 s'],
    [400, '0.4 s'],
    [9_940, '9.9 s'],
    [9_960, '10 s'],
    [59_400, '59 s'],
    [61_000, '1 min'],
    [3_600_000, '1 h'],
    [7 * 86_400_000, '7 d'],
  ])('tells an age of %d ms as %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });

  it('groups counts', () => {
    expect(formatCount(1_234_567)).toBe('1,234,567');
  });

  it('places a price between low and high, in the middle where both are one', () => {
    expect(placeBetween('9.5', '9', '11')).toBe(0.25);
    expect(placeBetween('9', '9', '9')).toBe(0.5);
    expect(placeBetween('12', '9', '11')).toBe(1);
  });
});
