/** What a run must not have: ticks that are missing, come twice or were not asked for. */
import { describe, expect, it } from 'vitest';
import { follow, notAsked, unknown } from './heads.ts';

const tick = (seq: number, merged = 0) => ({ symbol: 0, seq, merged, ts: 0 });

describe('the heads of a client', () => {
  it.each([
    ['the one after the head', 7, tick(8), 'next', 8],
    ['one that stands for those between', 7, tick(10, 2), 'next', 10],
    ['one that stands for more than is missing', 7, tick(10, 5), 'next', 10],
    ['one behind a hole', 7, tick(9), 'gap', 9],
    ['one that stands for too few', 7, tick(11, 2), 'gap', 11],
    ['the same again', 7, tick(7), 'repeat', 7],
    ['an older one', 7, tick(3), 'repeat', 7],
    ['the first where the head is not known', unknown, tick(5), 'next', 5],
    ['one that nobody asked for', notAsked, tick(1), 'stray', notAsked],
  ] as const)('%s', (_what, head, seen, place, after) => {
    const heads = Int32Array.of(head, 100);
    expect(follow(heads, seen)).toBe(place);
    expect([...heads]).toEqual([after, 100]);
  });
});
