/**
 * What every test command shares: the set-up with the programs that its tests need, and a run of Vitest with its counts.
 * The projects themselves are in vitest.config.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { runInForeground } from '../../../scripts/lib/foreground.mjs';
import { interruptibly, projectRoot, setUp } from '../../../scripts/lib/set-up.mjs';
import { countTests } from './results.mjs';
import { installPrograms, searchPath, testPrograms } from './system-programs.mjs';

/**
 * Installs the dependencies, builds, and finds the programs; from then on they are on the PATH of this process. If a program is
 * missing and cannot be installed, this names it and ends the process with 1.
 *
 * @param {typeof testPrograms} [programs]
 */
export async function setUpWithPrograms(programs = testPrograms) {
  await setUp();
  const missing = await interruptibly((signal) =>
    installPrograms(programs, { say: console.log, env: process.env, signal }),
  );
  if (missing.length > 0) {
    const names = missing
      .map(({ program, debianPackage }) => `${program} (Debian: ${debianPackage})`)
      .join(', ');
    console.error(`Missing on the PATH: ${names}. Install them, or run this as root on Debian or Ubuntu.`);
    process.exit(1);
  }
  process.env['PATH'] = searchPath(process.env).join(delimiter);
}

/**
 * @typedef {object} VitestOptions
 * @property {readonly string[]} projects Names in vitest.config.ts. A `--project` of the command line replaces them.
 * @property {readonly string[]} [given] The command line's words for Vitest: parts of file names, and flags.
 * @property {NodeJS.ProcessEnv} [env] Added to ours.
 * @property {string} [node] The Node program that runs Vitest; by default this one.
 */

/**
 * Runs Vitest in a process group of its own. Resolves with its exit code, the counts, and the path of its results, which the
 * caller may read until this process ends.
 *
 * @param {VitestOptions} options
 * @returns {Promise<{ code: number, passed: number, failed: number, results: string }>}
 */
export async function runVitest({
  projects,
  given = process.argv.slice(2),
  env = {},
  node = process.execPath,
}) {
  const wanted = given.find((word) => word.startsWith('--outputFile.json='))?.split('=')[1];
  const results = wanted ?? join(temporaryFolder(), 'results.json');
  const flags = [
    ...(given.some((word) => word.startsWith('--project'))
      ? []
      : projects.map((name) => `--project=${name}`)),
    ...(given.some((word) => word.startsWith('--reporter')) ? [] : ['--reporter=default']),
    ...(wanted === undefined ? ['--reporter=json', `--outputFile.json=${results}`] : []),
  ];
  const code = await runInForeground(node, ['node_modules/vitest/vitest.mjs', 'run', ...flags, ...given], {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    ownGroup: true,
  });
  return { code, ...countTests(results), results };
}

/** A folder that is removed when this process exits. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-test-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
