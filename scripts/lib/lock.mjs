/**
 * One at a time across processes: a file that names its owner. Whoever finds the owner dead, or silent for `silentMs` on its
 * own clock (a process number may be someone else's by now), takes the lock over.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits for the lock and resolves with what gives it back. `onWait` fires once, with the owner's process number, when another
 * process has it.
 *
 * @param {string} path
 * @param {{ signal?: AbortSignal, onWait?: (owner: number) => void, pollMs?: number, silentMs?: number }} [options]
 * @returns {Promise<() => void>}
 */
export async function takeLock(path, { signal, onWait, pollMs = 100, silentMs = 10_000 } = {}) {
  mkdirSync(dirname(path), { recursive: true });
  let waits = false;
  let seen = { record: '', since: 0 };
  for (;;) {
    signal?.throwIfAborted();
    const release = tryToTake(path, silentMs / 4);
    if (release !== null) return release;
    const record = read(path);
    if (record === null) continue;
    if (seen.record !== record) seen = { record, since: performance.now() };
    const owner = Number.parseInt(record, 10);
    if (!runs(owner) || performance.now() - seen.since > silentMs) {
      remove(path, record);
      continue;
    }
    if (!waits) onWait?.(owner);
    waits = true;
    await delay(pollMs);
  }
}

/**
 * @param {string} path
 * @param {number} beatMs
 * @returns {(() => void) | null}
 */
function tryToTake(path, beatMs) {
  let beat = 0;
  const draft = `${path}.${process.pid}`;
  const record = () => `${process.pid} ${beat}`;
  writeFileSync(draft, record());
  try {
    linkSync(draft, path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return null;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const timer = setInterval(() => {
    // Taken over while this process slept: nothing to renew, and the release below finds another's record.
    if (read(path) !== record()) return;
    beat += 1;
    writeFileSync(draft, record());
    renameSync(draft, path);
  }, beatMs).unref();
  return () => {
    clearInterval(timer);
    remove(path, record());
  };
}

/**
 * Removes the file while it holds that record. Renaming first makes one of several removers the only one.
 *
 * @param {string} path
 * @param {string} record
 */
function remove(path, record) {
  if (read(path) !== record) return;
  const aside = `${path}.${process.pid}.old`;
  try {
    renameSync(path, aside);
    if (read(aside) !== record) linkSync(aside, path);
  } catch {
    // Another one was quicker, which is as good.
  } finally {
    rmSync(aside, { force: true });
  }
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** @param {number} pid */
function runs(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
