import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createFlushWheel } from './flush-wheel.ts';

interface Group {
  name: string;
  writtenAt: number;
  cohort: number;
}

function setUp(flushMs = 40, maxFlushMs = 100) {
  const clock = createManualClock();
  const due: string[] = [];
  const wheel = createFlushWheel<Group>(
    { flushMs, maxFlushMs },
    {
      clock,
      onDue: (groups) => {
        for (const group of groups) {
          due.push(`${group.name} ${clock.monotonic()}`);
          group.writtenAt = clock.monotonic();
        }
      },
    },
  );
  const group = (name: string, cohort = 0): Group => ({ name, writtenAt: -Infinity, cohort });
  /** A tick comes for the group: true if it is written to at once. */
  const tick = (one: Group): boolean => {
    const isNow = wheel.mayWrite(one, clock.monotonic());
    if (isNow) one.writtenAt = clock.monotonic();
    return isNow;
  };
  return { clock, wheel, due, group, tick };
}

describe('the flush wheel', () => {
  it('[F3] lets a quiet group be written to at once, and one that was just written to at the end of its window', async () => {
    const { clock, due, group, tick } = setUp();
    const a = group('a');
    expect(tick(a)).toBe(true);
    await clock.advance(10);
    expect([tick(a), tick(a)]).toEqual([false, false]);
    await clock.advance(29);
    expect(due).toEqual([]);
    await clock.advance(1);
    expect(due).toEqual(['a 40']);
    await clock.advance(39);
    expect(tick(a)).toBe(false);
    await clock.advance(1);
    expect(due).toEqual(['a 40', 'a 80']);
    await clock.advance(40);
    expect(tick(a)).toBe(true);
    expect(clock.timers()).toBe(0);
  });

  it('has one timer for all groups, and writes to each in its own time', async () => {
    const { clock, due, group, tick } = setUp();
    const groups = ['a', 'b', 'c'].map((name) => group(name));
    for (const one of groups) {
      tick(one);
      await clock.advance(6);
    }
    for (const one of groups) tick(one);
    expect(clock.timers()).toBe(1);
    await clock.advance(50);
    expect(due).toEqual(['a 40', 'b 46', 'c 52']);
  });

  it('spreads the cohorts of one set of clients over a window after a calm, and keeps them apart', async () => {
    const { clock, due, group, tick } = setUp();
    const cohorts = [0, 1, 2, 3].map((cohort) => group(`c${cohort}`, cohort));
    for (const one of cohorts) tick(one);
    await clock.advance(1);
    for (const one of cohorts) tick(one);
    await clock.advance(40);
    expect(due).toEqual(['c3 26', 'c2 30', 'c1 36', 'c0 40']);
    due.length = 0;
    for (const one of cohorts) tick(one);
    await clock.advance(40);
    expect(due).toEqual(['c3 66', 'c2 70', 'c1 76', 'c0 80']);
  });

  it('widens under load up to the most, and narrows again', async () => {
    const { clock, wheel } = setUp();
    const work = async (share: number, times: number): Promise<void> => {
      for (let time = 0; time < times; time++) {
        await clock.advance(200);
        wheel.worked(200 * share, clock.monotonic());
      }
    };
    await work(0.4, 3);
    expect(wheel.windowMs()).toBe(40);
    await work(0.7, 2);
    expect(wheel.windowMs()).toBeCloseTo(67.6);
    await work(0.7, 20);
    expect(wheel.windowMs()).toBe(100);
    await work(0.1, 20);
    expect(wheel.windowMs()).toBe(40);
  });

  it('without a window lets every group be written to at once', () => {
    const { tick, group, clock } = setUp(0, 0);
    const a = group('a');
    expect([tick(a), tick(a)]).toEqual([true, true]);
    expect(clock.timers()).toBe(0);
  });

  it('leaves no timer behind when it closes', async () => {
    const { clock, wheel, group, tick, due } = setUp();
    const a = group('a');
    tick(a);
    tick(a);
    wheel.close();
    expect(clock.timers()).toBe(0);
    await clock.advance(100);
    expect(due).toEqual([]);
  });
});
