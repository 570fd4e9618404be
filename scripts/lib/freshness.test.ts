/** What is stale and what is not, decided on a small project in a temporary folder. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  buildStampPath,
  buildState,
  dependenciesFresh,
  installedLockPath,
  sourcesDigest,
  writeStamp,
} from './freshness.mjs';

let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tickwire-freshness-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

function remove(path: string): void {
  rmSync(join(root, path), { recursive: true });
}

function lock(path: string, packages: object): void {
  put(path, JSON.stringify({ packages }));
}

describe('dependencies', () => {
  const packages = {
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/b': { version: '2.0.0', integrity: 'sha512-b', dev: true },
    'node_modules/for-another-machine': { version: '3.0.0', integrity: 'sha512-c', optional: true },
  };
  const { 'node_modules/for-another-machine': other, ...here } = packages;

  beforeEach(() => {
    lock('package-lock.json', { '': { name: 'project' }, ...packages });
    lock(installedLockPath, here);
    put('node_modules/a/package.json', '{}');
    put('node_modules/b/package.json', '{}');
  });

  test('all installed: fresh, also without the optional ones of other machines', () => {
    expect(other.optional).toBe(true);
    expect(dependenciesFresh(root)).toBe(true);
  });

  test('an installed lock file that was touched later decides nothing', () => {
    put('node_modules/b/package.json', '{}');
    utimesSync(join(root, installedLockPath), 0, 0);
    expect(dependenciesFresh(root)).toBe(true);
  });

  const asks = (version: string, integrity: string) =>
    lock('package-lock.json', { ...packages, 'node_modules/a': { version, integrity } });

  test.each<[string, () => void]>([
    ['no node_modules', () => remove('node_modules')],
    ['an installation that did not end', () => remove(installedLockPath)],
    ['a half-written installed lock file', () => put(installedLockPath, '{"packages": {"node_mod')],
    ['a missing package folder', () => remove('node_modules/b')],
    [
      'no development dependencies',
      () => lock(installedLockPath, { 'node_modules/a': here['node_modules/a'] }),
    ],
    ['another version in the lock file', () => asks('1.0.1', 'sha512-a')],
    ['other content in the lock file', () => asks('1.0.0', 'sha512-z')],
  ])('%s: stale', (_what, change) => {
    change();
    expect(dependenciesFresh(root)).toBe(false);
  });
});

describe('the build', () => {
  beforeEach(() => {
    put('server/src/main.ts', 'start()');
    put('client/src/main.tsx', 'draw()');
    put('package-lock.json', '{}');
    put('dist/server/src/main.js', 'start()');
    put('dist/client/index.html', '<html>');
    writeStamp(root, sourcesDigest(root));
  });

  const main = 'server/src/main.ts';
  const built = 'dist/server/src/main.js';

  test.each<[string, ReturnType<typeof buildState>, () => void]>([
    ['the sources as they are', 'fresh', () => {}],
    ['a source with another time', 'fresh', () => utimesSync(join(root, main), 4e9, 4e9)],
    ['a changed test', 'fresh', () => put('server/src/main.test.ts', 'test()')],
    ['an editor file', 'fresh', () => put('server/src/.main.ts.swp', 'start(')],
    ['a compiler record', 'fresh', () => put('client/tsconfig.tsbuildinfo', '{}')],
    ['a changed source', 'stale', () => put(main, 'start(1)')],
    ['a new source', 'stale', () => put('client/src/view/table.tsx', '')],
    ['a removed source', 'stale', () => remove('client/src/main.tsx')],
    ['other dependencies', 'stale', () => put('package-lock.json', '{ }')],
    ['other compiler options', 'stale', () => put('tsconfig.base.json', '{}')],
    ['no stamp', 'unknown', () => remove(buildStampPath)],
    ['no build', 'unknown', () => remove('dist')],
    ['a file from another compiler run', 'unknown', () => put(built, 'start(2)')],
    ['a missing built file', 'unknown', () => remove('dist/client/index.html')],
  ])('%s: %s', (_what, state, change) => {
    change();
    expect(buildState(root)).toBe(state);
  });

  test('changes that are undone: fresh', () => {
    for (const path of [main, built]) put(path, 'start(1)');
    put('client/src/view/table.tsx', '');
    expect(buildState(root)).not.toBe('fresh');
    for (const path of [main, built]) put(path, 'start()');
    remove('client/src/view');
    expect(buildState(root)).toBe('fresh');
  });
});
