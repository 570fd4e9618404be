/**
 * What a set-up has to do, decided by content and never by time stamps: dependencies against the lock file, the build
 * against its sources. Reads only.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What npm writes last into `node_modules`, relative to the root: what it put there. */
export const installedLockPath = 'node_modules/.package-lock.json';
/** Written after a build, relative to the root: the digest of the sources it was made from. */
export const buildStampPath = 'dist/.built-from';

/** The folders and files that the build is made from. */
const sources = [
  'server/protocol',
  'server/src',
  'client',
  'tsconfig.json',
  'tsconfig.base.json',
  'package-lock.json',
];
/** What a finished build has at the least. */
const outputs = ['dist/server/src/main.js', 'dist/client/index.html'];
const notSource = /(^node_modules|^dist|^\.\w.*|\.test\.tsx?|\.tsbuildinfo)$/;

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
 * True where the last build ended and was made from the sources as they are.
 *
 * @param {string} root
 */
export function buildFresh(root) {
  return outputs.every((path) => existsSync(join(root, path))) && readStamp(root) === sourcesDigest(root);
}

/**
 * The digest that the last finished build was made from; null after an interrupted one.
 *
 * @param {string} root
 */
export function readStamp(root) {
  try {
    return readFileSync(join(root, buildStampPath), 'utf8');
  } catch {
    return null;
  }
}

/**
 * One value for the names and contents of everything that the build reads; tests are no part of it.
 *
 * @param {string} root
 */
export function sourcesDigest(root) {
  const hash = createHash('sha256');
  for (const path of sources.flatMap((source) => filesUnder(root, source))) {
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
      .filter((name) => !notSource.test(name))
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
