/** A program beside us: its output, its end by every way, and nothing left of it or of what it started. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { startChild } from './start-child.ts';

/** Starts a child of its own, says both numbers, and waits for ever; deaf to SIGTERM with `deaf`. */
const script = `
  const { spawn } = require('node:child_process');
  if (process.argv[1] === 'deaf') process.on('SIGTERM', () => console.log('no'));
  const inner = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  console.log(process.pid + ' ' + inner.pid);
  setInterval(() => {}, 1000);
`;

async function startScript(argument = '') {
  const child = await startChild({
    name: 'the script',
    command: process.execPath,
    args: ['-e', script, argument],
  });
  await child.until(() => child.logs().length > 0, { what: 'speaking', withinMs: 10_000 });
  const [own = 0, inner = 0] = (child.logs()[0] ?? '').split(' ').map(Number);
  return { child, own, inner };
}

function runs(pid: number) {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return true;
}

/** A killed process without a parent may stay as a zombie for as long as init likes. */
async function runsStill(pid: number) {
  if (!runs(pid)) return false;
  const ps = spawn('ps', ['-o', 'stat=', '-p', String(pid)]);
  let state = '';
  ps.stdout.on('data', (text) => (state += String(text)));
  await once(ps, 'close');
  return state !== '' && !state.startsWith('Z');
}

test('ending it by a signal ends what it left behind too', async () => {
  const { child, inner } = await startScript();
  await child.end('SIGTERM', 5_000);
  expect(await child.ended).toEqual({ code: null, signal: 'SIGTERM' });
  expect(child.running()).toBe(false);
  await expect.poll(() => runsStill(inner)).toBe(false);
});

test('one that does not end in its time is killed', async () => {
  const { child } = await startScript('deaf');
  await child.end('SIGTERM', 100);
  expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a frozen one ends when it is asked to', async () => {
  const { child } = await startScript();
  await child.kill('SIGSTOP');
  await child.end('SIGTERM', 5_000);
  expect(await child.ended).toEqual({ code: null, signal: 'SIGTERM' });
});

test('its group ends and its folder goes when the process that started it is killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-child-'));
  writeFileSync(join(folder, 'file'), '');
  const parent = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { runnerImport } from 'vite';
     const { module } = await runnerImport(${JSON.stringify(join(import.meta.dirname, 'start-child.ts'))}, { configFile: false });
     const child = await module.startChild({ name: 'x', command: process.execPath, args: ['-e', ${JSON.stringify(script)}], folder: ${JSON.stringify(folder)} });
     await child.until(() => child.logs().length > 0, { what: 'speaking', withinMs: 10000 });
     console.log(child.logs()[0]);`,
  ]);
  const [line] = await once(createInterface({ input: parent.stdout }), 'line');
  const pids = String(line).split(' ').map(Number);
  expect(pids.map(runs)).toEqual([true, true]);
  parent.kill('SIGKILL');
  await expect.poll(async () => Promise.all(pids.map(runsStill))).toEqual([false, false]);
  await expect.poll(() => existsSync(folder)).toBe(false);
});

test('a log file that cannot be written to ends, and nothing else', async () => {
  const child = await startChild({
    name: 'the script',
    command: process.execPath,
    args: ['-e', 'for (let line = 0; line < 3; line++) console.log("line " + line)'],
    logFile: join(tmpdir(), 'no-such-folder', 'log'),
  });
  expect(await child.ended).toEqual({ code: 0, signal: null });
  expect(child.logs()).toEqual(['line 0', 'line 1', 'line 2']);
});

test('an early end is an error with the last lines', async () => {
  const child = await startChild({
    name: 'the script',
    command: process.execPath,
    args: ['-e', 'console.error("no such luck"); process.exit(3)'],
  });
  await expect(child.until(() => false, { what: 'ready', withinMs: 10_000 })).rejects.toThrow(
    'the script ended with code 3:\nno such luck',
  );
});

test('a program that does not exist is an error of the system', async () => {
  await expect(startChild({ name: 'x', command: '/no/such/program', args: [] })).rejects.toMatchObject({
    code: 'ENOENT',
  });
});

test('a missing program with a known package is named with that package, also if a folder of PATH cannot be read', async () => {
  const start = (PATH: string) =>
    startChild({ name: 'x', command: 'no-such-program', args: [], env: { PATH }, debianPackage: 'dummy' });
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-path-'));
  writeFileSync(join(folder, 'no-such-program'), '', { mode: 0o644 });
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const path of ['/no/such/folder', folder])
    await expect(start(path)).rejects.toThrow('no-such-program is not installed: apt-get install dummy');
});

test('a deadline is an error with the last lines', async () => {
  const { child, own } = await startScript();
  await expect(child.until(() => false, { what: 'ready', withinMs: 50 })).rejects.toThrow(
    `the script is not ready:\n${own} `,
  );
  await child.kill('SIGKILL');
});
