/** `npm run load` as a person runs it, against servers that lie in one way each: it must end with 1, and with 0 for an honest one. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, test, type TestContext } from 'vitest';
import { startScriptedServer, type Lie } from './scripted-server.ts';

const script = fileURLToPath(new URL('../../scripts/load.mjs', import.meta.url));
const users = 4;
/** A port that is never served. */
const nobody = 'http://127.0.0.1:9';
const installMs = 400_000;

interface Run {
  code: number;
  output: string;
  /** A row of the table by its name; null where there is none. */
  row: (name: string) => string | null;
}

function load(args: string[], env: Record<string, string>): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [script, ...args],
      { env: { ...process.env, USERS: String(users), SECONDS: '3', ...env } },
      (error, stdout, stderr) => {
        const output = stdout + stderr;
        const row = (name: string) => new RegExp(`^ +${name} {2,}(.*)$`, 'm').exec(output)?.[1] ?? null;
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), output, row });
      },
    );
  });
}

async function loadAgainst(context: TestContext, lie: Lie, args: string[] = []): Promise<Run> {
  const server = await startScriptedServer(lie);
  context.onTestFinished(() => server.close());
  return load(args, { TARGET: server.url });
}

// Installs Artillery where it is missing, which takes longer than any test should.
beforeAll(() => load([], { TARGET: nobody }), installMs);

test.concurrent('an honest server passes, and the table says what was measured', async (context) => {
  const { expect } = context;
  const { code, output, row } = await loadAgainst(context, 'none');
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(row('users')).toBe(String(users));
  expect(row('connected')).toBe(String(users));
  expect(row('failed')).toBe('0');
  expect(Number(row('ticks'))).toBeGreaterThan(users * 5 * 20);
  expect(row('gaps')).toBe('0');
  expect(row('repeats')).toBe('0');
  const timed = ['tick age ms', 'subscribe ack ms', 'snapshot ms', 'first tick ms', 'driver lag ms'];
  const quantiles = /^p50 [\d.]+ {3}p95 [\d.]+ {3}p99 [\d.]+ {3}max [\d.]+$/;
  expect(timed.filter((name) => !quantiles.test(row(name) ?? ''))).toEqual([]);
});

test.concurrent('users who come and go pass against an honest server', async (context) => {
  const { expect } = context;
  const { code, output, row } = await loadAgainst(context, 'none', ['churn.yml']);
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(row('failed')).toBe('0');
  expect(row('back again ms')).toMatch(/^p50 /);
});

test.concurrent('one seq left out for each user is a gap for each user, and ends with 1', async (context) => {
  const { expect } = context;
  const { code, output, row } = await loadAgainst(context, 'leaves out a seq');
  expect({ code, output }).toMatchObject({ code: 1 });
  expect(row('gaps')).toBe(String(users));
  expect(row('repeats')).toBe('0');
  expect(row('failed')).toBe('0');
  expect(output).toContain('fail: tickwire.gaps == 0');
});

test.concurrent('one tick sent twice to each user is a repeat for each user, and ends with 1', async (context) => {
  const { expect } = context;
  const { code, output, row } = await loadAgainst(context, 'repeats a tick');
  expect({ code, output }).toMatchObject({ code: 1 });
  expect(row('repeats')).toBe(String(users));
  expect(row('gaps')).toBe('0');
});

test.concurrent('a server that refuses fails every user, and ends with 1', async (context) => {
  const { expect } = context;
  const { code, output, row } = await loadAgainst(context, 'refuses');
  expect({ code, output }).toMatchObject({ code: 1 });
  expect(row('failed')).toBe(String(users));
  expect(output).toContain(`failed ${users} x: refused: draining`);
});

test.concurrent('a target that does not answer ends with 1 and says so', async ({ expect }) => {
  const { code, output } = await load([], { TARGET: nobody });
  expect(code).toBe(1);
  expect(output).toContain(`nothing answers at ${nobody}/health`);
});

test.concurrent('a scenario that does not exist ends with 1 and names those that do', async ({ expect }) => {
  const { code, output } = await load(['absent.yml'], { TARGET: nobody });
  expect(code).toBe(1);
  expect(output).toContain('churn.yml, subscribe.yml');
});
