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

  test('no node_modules: stale', () => {
    rmSync(join(root, 'node_modules'), { recursive: true });
    expect(dependenciesFresh(root)).toBe(false);
  });

  test('an installation that never ended: stale', () => {
    rmSync(join(root, installedLockPath));
    expect(dependenciesFresh(root)).toBe(false);
  });

  test('an installed lock file that is half written: stale', () => {
    put(installedLockPath, '{"packages": {"node_mod');
    expect(dependenciesFresh(root)).toBe(false);
  });

  test('a package folder that is gone: stale', () => {
    rmSync(join(root, 'node_modules/b'), { recursive: true });
    expect(dependenciesFresh(root)).toBe(false);
  });

  test('installed without development dependencies: stale', () => {
    lock(installedLockPath, { 'node_modules/a': here['node_modules/a'] });
    expect(dependenciesFresh(root)).toBe(false);
  });

  test('the lock file asks for another version, or other content of it: stale', () => {
    lock('package-lock.json', { ...packages, 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } });
    expect(dependenciesFresh(root)).toBe(false);
    lock('package-lock.json', { ...packages, 'node_modules/a': { version: '1.0.0', integrity: 'sha512-z' } });
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

  test('made from the sources as they are: fresh', () => {
    expect(buildState(root)).toBe('fresh');
  });

  test('sources with other times and the same content: fresh', () => {
    utimesSync(join(root, 'server/src/main.ts'), 4e9, 4e9);
    expect(buildState(root)).toBe('fresh');
  });

  test('a changed, a new and a removed source: stale', () => {
    put('server/src/main.ts', 'start(1)');
    expect(buildState(root)).toBe('stale');
    put('server/src/main.ts', 'start()');
    put('client/src/view/table.tsx', '');
    expect(buildState(root)).toBe('stale');
    rmSync(join(root, 'client/src/view'), { recursive: true });
    expect(buildState(root)).toBe('fresh');
    rmSync(join(root, 'client/src/main.tsx'));
    expect(buildState(root)).toBe('stale');
  });

  test('other dependencies or compiler options: stale', () => {
    put('package-lock.json', '{ }');
    expect(buildState(root)).toBe('stale');
    put('package-lock.json', '{}');
    put('tsconfig.base.json', '{}');
    expect(buildState(root)).toBe('stale');
  });

  test('a changed test, an editor file and a compiler record: fresh', () => {
    put('server/src/main.test.ts', 'test()');
    put('server/src/.main.ts.swp', 'start(');
    put('client/tsconfig.tsbuildinfo', '{}');
    expect(buildState(root)).toBe('fresh');
  });

  test('a build that never was, or never ended: unknown', () => {
    rmSync(join(root, buildStampPath));
    expect(buildState(root)).toBe('unknown');
    rmSync(join(root, 'dist'), { recursive: true });
    expect(buildState(root)).toBe('unknown');
  });

  test('a build that lost a file, or that another compiler run wrote to: unknown, also with its sources as they were', () => {
    put('dist/server/src/main.js', 'start(2)');
    expect(buildState(root)).toBe('unknown');
    put('dist/server/src/main.js', 'start()');
    expect(buildState(root)).toBe('fresh');
    rmSync(join(root, 'dist/client/index.html'));
    expect(buildState(root)).toBe('unknown');
  });
});
