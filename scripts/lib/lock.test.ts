/** The lock between processes: turns, owners that died, owners that fell silent. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLock } from './lock.mjs';

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tickwire-lock-'));
  path = join(folder, 'inner/lock');
  mkdirSync(join(folder, 'inner'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const content = () => readFileSync(path, 'utf8');

test('a second taker waits, says so once, and goes on when the first gives the lock back', async () => {
  const release = await takeLock(path);
  const owners: number[] = [];
  const second = takeLock(path, { pollMs: 5, onWait: (owner) => void owners.push(owner) });
  await expect.poll(() => owners).toEqual([process.pid]);
  expect(content()).toMatch(new RegExp(`^${process.pid} `));
  release();
  (await second)();
  expect(owners).toHaveLength(1);
  expect(readdirSync(join(folder, 'inner'))).toEqual([]);
});

test('many takers have it one at a time', async () => {
  let inside = 0;
  let most = 0;
  const take = async () => {
    const release = await takeLock(path, { pollMs: 1 });
    inside += 1;
    most = Math.max(most, inside);
    await new Promise(setImmediate);
    inside -= 1;
    release();
  };
  await Promise.all(Array.from({ length: 10 }, take));
  expect(most).toBe(1);
});

test('the lock of a dead process is taken over at once', async () => {
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  writeFileSync(path, `${dead.pid} 7`);
  const began = performance.now();
  const release = await takeLock(path);
  expect(performance.now() - began).toBeLessThan(1000);
  expect(content()).toMatch(new RegExp(`^${process.pid} `));
  release();
});

test('a lock that names a living process but is never renewed is taken over', async () => {
  writeFileSync(path, `${process.ppid} 7`);
  const release = await takeLock(path, { pollMs: 5, silentMs: 100 });
  expect(content()).toMatch(new RegExp(`^${process.pid} `));
  release();
});

test('an owner that renews keeps it for longer than the silence allowed', async () => {
  const release = await takeLock(path, { silentMs: 200 });
  const first = content();
  let taken = false;
  const second = takeLock(path, { pollMs: 5, silentMs: 200 });
  void second.then(() => (taken = true));
  const beat = () => Number(content().split(' ')[1]);
  await expect.poll(beat, { timeout: 5000 }).toBeGreaterThan(8);
  expect(first).toBe(`${process.pid} 0`);
  expect(taken).toBe(false);
  release();
  (await second)();
});

test('a late release leaves the lock of the next owner alone', async () => {
  const release = await takeLock(path);
  writeFileSync(path, `${process.ppid} 3`);
  release();
  expect(content()).toBe(`${process.ppid} 3`);
});

test('an abort ends the waiting', async () => {
  const release = await takeLock(path);
  const abort = new AbortController();
  const reason = new Error('enough');
  const second = takeLock(path, { pollMs: 5, signal: abort.signal, onWait: () => abort.abort(reason) });
  await expect(second).rejects.toBe(reason);
  release();
});
