/** `npm start` as a person meets it, from nothing to a server and back, on a small project with true processes. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSmallProject, type Run, runs, type SmallProject, type Step } from './lib/small-project.ts';

const steps: Step[] = ['npm', 'tsc', 'vite'];
const everything = [
  'npm ci --include=dev',
  'tsc -b server/src --force',
  'vite build --config client/vite.config.ts',
];
const patience = { timeout: 10_000, interval: 10 };

let project: SmallProject;
const running: Run[] = [];

beforeEach(() => {
  project = createSmallProject();
});
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGTERM');
    await ended;
  }
  for (const pid of project.hanging().filter(runs)) process.kill(pid, 'SIGKILL');
  project.remove();
});

function start(env: Record<string, string> = {}): Run {
  const run = project.run('start.mjs', env);
  running.push(run);
  return run;
}

async function live(run: Run): Promise<Run> {
  await expect.poll(() => run.output(), patience).toContain('live with');
  return run;
}

/** Starts with a step that hangs, and signals once it does. */
async function interrupt(signal: NodeJS.Signals, env: Record<string, string>): Promise<Run> {
  const run = start(env);
  await expect.poll(() => project.hanging(), patience).toHaveLength(2);
  run.child.kill(signal);
  return run;
}

/** The LOG_LEVEL that the server sees. */
async function level(env: Record<string, string>): Promise<string | undefined> {
  const run = start({ EXIT: '0', ...env });
  await run.ended;
  return /live with (\w+)/.exec(run.output())?.[1];
}

describe('the set-up', () => {
  test('a first start installs and builds, saying one line for each; a second one finds nothing to do', async () => {
    const first = await live(start());
    expect(first.output()).toMatch(/^installing dependencies .*\nbuilding\nlive with/);
    expect(project.asked()).toEqual(everything);

    const began = performance.now();
    const second = await live(start());
    console.log(`a start with nothing to do took ${Math.round(performance.now() - began)} ms`);
    expect(second.output()).toMatch(/^live with/);
    expect(project.asked()).toEqual(everything);
  });

  test('a changed source is built again, and nothing is installed', async () => {
    await live(start());
    writeFileSync(join(project.root, 'server/src/other.ts'), '');
    await live(start());
    expect(project.asked().slice(3)).toEqual([
      'tsc -b server/src',
      'vite build --config client/vite.config.ts',
    ]);
  });

  test('development dependencies are installed whatever NODE_ENV says, and the server still sees it', async () => {
    const run = await live(start({ NODE_ENV: 'production' }));
    expect(project.asked()[0]).toBe('npm ci --include=dev');
    expect(run.output()).toContain('production');
  });

  test('two at once take turns, and each step is done once', async () => {
    const both = [start({ GATE: 'npm' }), start({ GATE: 'npm' })];
    const said = () => both.map((run) => run.output()).join('');
    await expect.poll(said, patience).toContain('waiting for another set-up');
    writeFileSync(join(project.root, 'open'), '');
    await Promise.all(both.map((run) => live(run)));
    expect(project.asked()).toEqual(everything);
  });

  test.each(steps)(
    'a failing %s shows its output and ends with 1; the next start tries it again',
    async (step) => {
      const run = start({ FAILS: step });
      expect(await run.ended).toBe(1);
      expect(run.output()).toContain('the reason of the failure');
      expect(run.output()).not.toContain('live with');
      await live(start());
    },
  );

  test('a set-up without npm says so', async () => {
    rmSync(join(project.root, 'bin/npm'));
    const run = start({ PATH: join(project.root, 'bin') });
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain('npm ci --include=dev could not be started');
  });

  test('set-up.mjs does the same and runs nothing', async () => {
    const run = project.run('set-up.mjs');
    expect(await run.ended).toBe(0);
    expect(project.asked()).toEqual(everything);
    expect(run.output()).not.toContain('live with');
  });
});

describe('signals during the set-up', () => {
  test.each(steps)('SIGTERM during %s ends it and what it started; the next start repairs', async (step) => {
    const run = await interrupt('SIGTERM', { HANGS: step });
    expect(await run.ended).toBe(143);
    expect(project.hanging().filter(runs)).toEqual([]);
    await live(start());
    expect(project.asked().findLast((line) => line.startsWith('tsc'))).toContain('--force');
  });

  test('Ctrl-C ends with 130, and a hang-up with 129', async () => {
    expect(await (await interrupt('SIGINT', { HANGS: 'npm' })).ended).toBe(130);
    rmSync(join(project.root, 'hanging'));
    expect(await (await interrupt('SIGHUP', { HANGS: 'npm' })).ended).toBe(129);
  });

  test('a step that ignores the signal is killed with what it started', { timeout: 20_000 }, async () => {
    const run = await interrupt('SIGTERM', { STUBBORN: 'npm' });
    expect(await run.ended).toBe(143);
    expect(project.hanging().filter(runs)).toEqual([]);
  });

  test('one that waits for another set-up ends at once and leaves the other alone', async () => {
    const first = start({ HANGS: 'npm' });
    await expect.poll(() => project.hanging(), patience).toHaveLength(2);
    const second = start();
    await expect.poll(() => second.output(), patience).toContain('waiting');
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(143);
    expect(project.hanging().filter(runs)).toHaveLength(2);
    expect(first.child.exitCode).toBeNull();
  });

  test('killed with -9, its steps end too, and the next start repairs', async () => {
    const run = await interrupt('SIGKILL', { HANGS: 'npm' });
    expect(await run.ended).toBeNull();
    await expect.poll(() => project.hanging().filter(runs), patience).toEqual([]);
    await live(start());
  });
});

describe('the server', () => {
  test('is told of SIGTERM, drains, and its exit code is ours', async () => {
    const run = await live(start());
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(run.output()).toContain('drained');
    expect(await start({ EXIT: '7' }).ended).toBe(7);
  });

  test('ends with the start, also when that is killed with -9', async () => {
    const run = await live(start());
    const server = Number(/live with .* (\d+)/.exec(run.output())?.[1]);
    expect(runs(server)).toBe(true);
    run.child.kill('SIGKILL');
    await expect.poll(() => runs(server), patience).toBe(false);
  });

  test('ended by a signal: 128 and its number', async () => {
    const run = await live(start());
    run.child.kill('SIGINT');
    expect(await run.ended).toBe(130);
  });

  test('logs from warn on, unless the environment or an env file says otherwise', async () => {
    expect(await level({})).toBe('warn');
    expect(await level({ LOG_LEVEL: 'debug' })).toBe('debug');
    writeFileSync(join(project.root, '.env.staging'), '# x\nLOG_LEVEL=info\n');
    expect(await level({ NODE_ENV: 'staging' })).toBe('info');
    expect(await level({ NODE_ENV: 'staging', LOG_LEVEL: '' })).toBe('info');
    writeFileSync(join(project.root, '.env.staging'), 'LOG_LEVEL=\n');
    expect(await level({ NODE_ENV: 'staging' })).toBe('warn');
    expect(await level({ LOG_LEVEL: '' })).toBe('warn');
  });

  test('is not started with an env file that cannot be read, which is one line', async () => {
    mkdirSync(join(project.root, '.env'));
    const run = start();
    expect(await run.ended).toBe(1);
    expect(run.output().split('\n').slice(2)).toEqual([
      'Tickwire cannot start: .env cannot be read (it is a folder)',
      '',
    ]);
  });
});
