/** The bound of a program that a command runs, with true processes. */
import { expect, test } from 'vitest';
import { runInForeground } from './foreground.mjs';

const cwd = process.cwd();

test('a program that is not done in its time is told of and ended', async () => {
  const late: number[] = [];
  const code = await runInForeground('/bin/sh', ['-c', 'sleep 43; exit 0'], {
    cwd,
    ownGroup: true,
    withinMs: 50,
    onLate: (pid) => void late.push(pid),
  });
  expect(code).toBe(128 + 15);
  expect(late).toHaveLength(1);
});

test('one that is done in time is not', async () => {
  const late: number[] = [];
  const code = await runInForeground('/bin/sh', ['-c', 'exit 7'], {
    cwd,
    ownGroup: true,
    withinMs: 60_000,
    onLate: (pid) => void late.push(pid),
  });
  expect([code, late]).toEqual([7, []]);
});
