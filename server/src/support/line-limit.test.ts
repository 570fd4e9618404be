import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createLineLimit } from './line-limit.ts';

function limitOf(maxPerSecond: number) {
  const clock = createManualClock();
  const told: unknown[] = [];
  const limit = createLineLimit({
    clock,
    maxPerSecond,
    onLeftOut: (...what) => void told.push(what),
  });
  return {
    clock,
    told,
    /** How many of so many lines are taken. */
    taken: (kind: string, lines: number, level = 30): number =>
      Array.from({ length: lines }, () => limit.take(kind, level)).filter(Boolean).length,
  };
}

describe('the limit of lines', () => {
  it('takes so many of a kind in a second, and tells how many it left out when the second is over', async () => {
    const { clock, told, taken } = limitOf(3);
    expect(taken('GET 404', 10)).toBe(3);
    await clock.advance(999);
    expect([taken('GET 404', 1), told]).toEqual([0, []]);
    await clock.advance(1);
    expect(told).toEqual([['GET 404', 8, 30]]);
    expect(taken('GET 404', 10)).toBe(3);
    await clock.advance(1_000);
    expect(told.slice(1)).toEqual([['GET 404', 7, 30]]);
    expect(clock.timers()).toBe(0);
  });

  it('leaves out nothing of another kind', async () => {
    const { clock, told, taken } = limitOf(3);
    expect(taken('GET 404', 1_000)).toBe(3);
    expect(taken('closing', 3, 40)).toBe(3);
    await clock.advance(1_000);
    expect(told).toEqual([['GET 404', 997, 30]]);
  });

  it('tells nothing, and waits for nothing, where all were taken', async () => {
    const { clock, told, taken } = limitOf(3);
    for (let second = 0; second < 3; second++) {
      expect(taken('GET 200', 3)).toBe(3);
      expect(clock.timers()).toBe(0);
      await clock.advance(1_000);
    }
    expect(told).toEqual([]);
  });

  it('keeps a bounded number of kinds, whatever they are called', async () => {
    const { clock, told, taken } = limitOf(1);
    let lines = 0;
    for (let kind = 0; kind < 10_000; kind++) lines += taken(`kind ${kind}`, 1);
    expect(lines).toBe(257);
    await clock.advance(1_000);
    expect(told).toEqual([['other kinds', 9_743, 30]]);
  });

  it('has none where it is 0', () => {
    expect(limitOf(0).taken('GET 200', 10_000)).toBe(10_000);
  });
});
