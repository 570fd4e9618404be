import { describe, expect, it } from 'vitest';
import { createDigest } from './digest.ts';

function setUp() {
  const digest = createDigest();
  return {
    move: (symbol: string, seq: number) => digest.moved({ symbol, gen: 'gen001', seq }),
    told: () => digest.beat().map(([symbol, , seq]) => `${symbol}:${seq}`),
  };
}

describe('the digest', () => {
  it('[SQ8] tells a head that moved with the next five beats', () => {
    const { move, told } = setUp();
    move('A', 1);
    move('A', 2);
    expect(Array.from({ length: 6 }, told)).toEqual([...Array.from({ length: 5 }, () => ['A:2']), []]);
  });

  it('[SQ8] tells a head that moves with every beat when it stops, and then five times', () => {
    const { move, told } = setUp();
    move('A', 1);
    expect(told()).toEqual(['A:1']);
    for (const seq of [2, 3, 4]) {
      move('A', seq);
      expect(told()).toEqual([]);
    }
    expect(Array.from({ length: 6 }, told)).toEqual([...Array.from({ length: 5 }, () => ['A:4']), []]);
  });

  it('[SQ8] tells a head that moves with every other beat each time', () => {
    const { move, told } = setUp();
    for (const seq of [1, 2, 3]) {
      move('A', seq);
      expect([told(), told()]).toEqual([[`A:${seq}`], [`A:${seq}`]]);
    }
  });
});
