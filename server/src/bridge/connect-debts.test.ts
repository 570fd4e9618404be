import { expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createConnectDebts, type Debtor } from './connect-debts.ts';

/** Debtors whose telling ends as the test says. */
function setUp(maxAtOnce = 2) {
  const clock = createManualClock();
  const told: string[] = [];
  const ends: ((isSettled: boolean) => void)[] = [];
  const debts = createConnectDebts({ maxAtOnce, clock, random: () => 1 });
  const debtor = (name: string): Debtor => ({
    tellConnect: () => {
      told.push(name);
      return new Promise((resolve) => void ends.push(resolve));
    },
  });
  const end = async (isSettled: boolean): Promise<void> => {
    ends.shift()?.(isSettled);
    await clock.advance(0);
  };
  return { clock, told, ends, debts, debtor, end };
}

it('[BR9] so many are told at once, and each once where all goes well', async () => {
  const { clock, told, ends, debts, debtor, end } = setUp();
  debts.owe(['a', 'b', 'c', 'd'].map(debtor));
  expect(told).toEqual(['a', 'b']);
  await end(true);
  expect(told).toEqual(['a', 'b', 'c']);
  for (let n = 0; n < 3; n++) await end(true);
  await clock.advance(60_000);
  expect([told, ends]).toEqual([['a', 'b', 'c', 'd'], []]);
});

it('[BR9] what was not told is told again behind the others, the pauses growing to 10 s while none is', async () => {
  const { clock, told, debts, debtor, end } = setUp(1);
  debts.owe(['a', 'b'].map(debtor));
  const pauses = [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000];
  for (const ms of pauses) {
    const before = told.length;
    await end(false);
    await clock.advance(ms - 1);
    expect(told).toHaveLength(before);
    await clock.advance(1);
    expect(told).toHaveLength(before + 1);
  }
  expect(told).toEqual(['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']);
  // One is told, and the next pause is a short one.
  await end(true);
  await end(false);
  await clock.advance(500);
  expect(told).toHaveLength(10);
  await end(true);
  await clock.advance(60_000);
  expect(told).toHaveLength(10);
});

it('[BR9] who is told of again while it is being told owes another', async () => {
  const { told, debts, debtor, end } = setUp(1);
  const one = debtor('a');
  debts.owe([one]);
  debts.owe([one]);
  await end(true);
  await end(true);
  expect(told).toEqual(['a', 'a']);
});

it('[BR9] once closed nobody is told', async () => {
  const { clock, told, debts, debtor, end } = setUp(2);
  debts.owe(['a', 'b', 'c'].map(debtor));
  await end(false);
  debts.close();
  await end(false);
  await clock.advance(60_000);
  expect([told, clock.timers()]).toEqual([['a', 'b'], 0]);
});
