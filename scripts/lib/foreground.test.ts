/** The bound of a program that a command runs, with true processes. */
import { expect, test } from 'vitest';
import { runInForeground } from './foreground.mjs';

async function run(program: string, withinMs: number) {
  const late: number[] = [];
  const onLate = (pid: number) => void late.push(pid);
  const options = { cwd: process.cwd(), ownGroup: true, withinMs, onLate };
  return { code: await runInForeground('/bin/sh', ['-c', program], options), late };
}

test('a program that is not done in its time is reported and ended', async () => {
  const { code, late } = await run('sleep 43; exit 0', 50);
  expect([code, late.length]).toEqual([128 + 15, 1]);
});

test('a program that is done in time is neither', async () => {
  expect(await run('exit 7', 60_000)).toEqual({ code: 7, late: [] });
});
