/** Which programs are missing, and what is asked of apt for them: a stand-in for apt in a temporary folder. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StepFailed } from '../../../scripts/lib/group.mjs';
import { installPrograms, missingPrograms, searchPath } from './system-programs.mjs';

const redis = { program: 'redis-server-of-a-test', debianPackage: 'redis-server' };
const nginx = { program: 'nginx-of-a-test', debianPackage: 'nginx' };

let folder = '';
let said: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tickwire-programs-'));
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(name: string, body = ''): void {
  writeFileSync(join(folder, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${body}\n`, { mode: 0o755 });
}

/** `apt-get` and `dpkg` that record what they are asked and whether a service may start now. */
function apt(installs = ''): void {
  const body = `cat "${folder}/policy" > "${folder}/policy-seen"; echo "$(basename "$0") $*" >> "${folder}/asked"`;
  program('dpkg', body);
  program('apt-get', `${body}\ncase "$*" in *install*) ${installs} ;; esac`);
}

function options(asRoot = true) {
  return {
    say: (line: string) => void said.push(line),
    env: { PATH: folder },
    asRoot,
    policyPath: join(folder, 'policy'),
  };
}

const install = (asRoot = true) => installPrograms([redis, nginx], options(asRoot));

test('a program is missing when no folder has it, or has it but may not run it', () => {
  program(redis.program);
  writeFileSync(join(folder, nginx.program), '', { mode: 0o644 });
  expect(missingPrograms([redis, nginx], ['/nowhere', folder])).toEqual([nginx]);
});

test("system programs are looked for in /usr/sbin too, which people's own PATH may lack", () => {
  expect(searchPath({ PATH: '/usr/bin:/bin' })).toEqual(['/usr/bin', '/bin', '/usr/sbin', '/sbin']);
  expect(searchPath({})).toEqual(['/usr/sbin', '/sbin']);
});

test('what is missing is installed after one line that says so, and no service may start meanwhile', async () => {
  program(redis.program);
  apt(`cp "$0" "${folder}/${nginx.program}"`);
  expect(await install()).toEqual([]);
  expect(said).toEqual(['installing nginx with apt (for the tests)']);
  const asked = readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n');
  expect(asked[0]).toBe('dpkg --configure -a');
  expect(asked[1]).toMatch(/^apt-get .* update$/);
  expect(asked[2]).toMatch(/^apt-get .* install --no-install-recommends nginx$/);
  expect(readFileSync(join(folder, 'policy-seen'), 'utf8')).toMatch(/exit 101\n$/);
  expect(existsSync(join(folder, 'policy'))).toBe(false);
});

test("somebody's own policy for services stays as it is", async () => {
  writeFileSync(join(folder, 'policy'), '#!/bin/sh\nexit 0\n');
  apt(`cp "$0" "${folder}/${nginx.program}"; cp "$0" "${folder}/${redis.program}"`);
  expect(await install()).toEqual([]);
  expect(readFileSync(join(folder, 'policy'), 'utf8')).toBe('#!/bin/sh\nexit 0\n');
});

test('nothing is missing: nothing is said or done', async () => {
  program(redis.program);
  program(nginx.program);
  apt();
  expect(await install()).toEqual([]);
  expect(said).toEqual([]);
  expect(existsSync(join(folder, 'asked'))).toBe(false);
});

test('without root, or without apt, what is missing is given back', async () => {
  expect(await install()).toEqual([redis, nginx]);
  apt();
  expect(await install(false)).toEqual([redis, nginx]);
  expect(said).toEqual([]);
  expect(existsSync(join(folder, 'asked'))).toBe(false);
});

test('a failing apt rejects with what it wrote, and the policy is taken away again', async () => {
  apt('echo "no such package" >&2; exit 100');
  const failure: unknown = await install().catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StepFailed);
  expect(failure).toMatchObject({ output: expect.stringContaining('no such package') });
  expect(existsSync(join(folder, 'policy'))).toBe(false);
});

test('a package that brings two programs is asked for once', async () => {
  apt();
  const pair = [nginx, { ...redis, debianPackage: nginx.debianPackage }];
  expect(await installPrograms(pair, options())).toEqual(pair);
  expect(said).toEqual(['installing nginx with apt (for the tests)']);
});
