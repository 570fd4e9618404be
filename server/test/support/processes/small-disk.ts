/** A disk of a few kilobytes that a test may fill. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Whether a file system can be mounted here, which takes root. Tried where no other process sees the mount. */
export const canMount =
  spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tickwire', tmpdir()]).status === 0;

/** Mounts a file system of that size for the test, and gives its folder. */
export function mountDisk(kilobytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-disk-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tickwire', folder]);
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  return folder;
}

/** Fills what is free of it with the file `filler`. */
export function fillDisk(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(join(folder, 'filler'), Buffer.alloc(bavail * bsize));
}
