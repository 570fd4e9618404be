/**
 * What a set-up has to do, decided by content and never by time stamps: dependencies against the lock file, the build
 * against its sources.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What npm writes last into `node_modules`, relative to the root: what it put there. */
export const installedLockPath = 'node_modules/.package-lock.json';
/** Written after a build, relative to the root: the digests of its sources and of what it wrote. */
export const buildStampPath = 'dist/.built-from';

/** The folders and files that the build is made from. */
const sources = [
  'server/protocol',
  'server/src',
  'client/index.html',
  'client/public',
  'client/src',
  'client/tsconfig.json',
  'client/vite.config.ts',
  'tsconfig.json',
  'tsconfig.base.json',
  'package-lock.json',
];
/** Where the build goes. */
const outputs = ['dist/server', 'dist/client'];
/** Neither made into the build nor run from it. */
const ignored = /(^node_modules|^dist|^\.\w.*|\.test\.tsx?|\.tsbuildinfo|\.d\.ts|\.map)$/;

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean }} LockedPackage
 */

/**
 * True where every package that the lock file asks for is installed in exactly that version. A package that is optional
 * may be absent: most of those are for other machines.
 *
 * @param {string} root
 */
export function dependenciesFresh(root) {
  const installed = readPackages(join(root, installedLockPath));
  const wanted = readPackages(join(root, 'package-lock.json'));
  if (installed === null) return false;
  return Object.entries(wanted ?? {}).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return optional === true;
    return (
      found.version === version &&
      found.integrity === integrity &&
      existsSync(join(root, path, 'package.json'))
    );
  });
}

/**
 * How the build stands. `stale`: it was made from other sources, and nothing else happened to it. `unknown`: there is none, it
 * was interrupted, or somebody else wrote in it, so that what the compiler remembers of it cannot be trusted.
 *
 * @param {string} root
 * @returns {'fresh' | 'stale' | 'unknown'}
 */
export function buildState(root) {
  const [madeFrom, made] = readStamp(root);
  if (made !== digest(root, outputs)) return 'unknown';
  return madeFrom === sourcesDigest(root) ? 'fresh' : 'stale';
}

/**
 * Records a finished build.
 *
 * @param {string} root
 * @param {string} madeFrom The digest of the sources before the build began: one that changed meanwhile makes it stale.
 */
export function writeStamp(root, madeFrom) {
  writeFileSync(join(root, buildStampPath), `${madeFrom} ${digest(root, outputs)}`);
}

/**
 * One value for everything that the build reads; tests are no part of it.
 *
 * @param {string} root
 */
export function sourcesDigest(root) {
  return digest(root, sources);
}

/**
 * @param {string} root
 * @returns {string[]}
 */
function readStamp(root) {
  try {
    return readFileSync(join(root, buildStampPath), 'utf8').split(' ');
  } catch {
    return [];
  }
}

/**
 * One value for the names and contents of files.
 *
 * @param {string} root
 * @param {readonly string[]} paths Files and folders; those that do not exist are nothing.
 */
function digest(root, paths) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap((each) => filesUnder(root, each))) {
    const content = readFileSync(join(root, path));
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/**
 * @param {string} root
 * @param {string} path
 * @returns {string[]}
 */
function filesUnder(root, path) {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  try {
    return readdirSync(full)
      .filter((name) => !ignored.test(name))
      .toSorted()
      .flatMap((name) => filesUnder(root, `${path}/${name}`));
  } catch {
    return [path];
  }
}

/**
 * @param {string} path
 * @returns {Record<string, LockedPackage> | null}
 */
function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return null;
  }
}
