/** What is told of processes, from true ones. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { describeDescendants } from './descendants.mjs';

test('a process and what it started have a line each, and nobody else', async () => {
  const child = spawn('/bin/sh', ['-c', 'sleep 41 & echo started; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pid = child.pid ?? 0;
  onTestFinished(() => void process.kill(-pid, 'SIGKILL'));
  await once(child.stdout, 'data');
  // What was forked has the shell's own name until it is `sleep`.
  await expect
    .poll(() => describeDescendants(pid))
    .toEqual([
      expect.stringMatching(new RegExp(`^${pid} ${process.pid} S \\S+ /bin/sh -c sleep 41`)),
      expect.stringMatching(new RegExp(`^\\d+ ${pid} [SR] \\S+ sleep 41$`)),
    ]);
});

test('a process that is gone has none', () => {
  expect(describeDescendants(2 ** 22 + 1)).toEqual([]);
});
