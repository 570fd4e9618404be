/**
 * What the commands that run tests share: the set-up with the programs that the tests need, and Vitest, with what it
 * found. Knows no test.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { countTests } from './ci-results.mjs';
import { runInForeground } from './foreground.mjs';
import { interruptibly, projectRoot, setUp } from './set-up.mjs';
import { installPrograms, isCi, missingPrograms, searchPath, testPrograms } from './system-programs.mjs';

/**
 * What such a command awaits first: dependencies, the build, and the programs, found by the PATH of this process from then on. Where
 * one is missing it says which, and ends this process with 1.
 *
 * @param {string} needing Begins that sentence: `The tests need`.
 * @param {typeof testPrograms} [programs]
 * @param {typeof testPrograms} [optional] Those without which some tests are skipped. Never installed, but in CI, where they are needed like the others.
 * @returns {Promise<typeof testPrograms>} The optional ones that are missing.
 */
export async function setUpWithPrograms(needing, programs = testPrograms, optional = []) {
  await setUp();
  const needed = isCi(process.env) ? [...programs, ...optional] : programs;
  const missing = await interruptibly((signal) =>
    installPrograms(needed, { say: console.log, env: process.env, signal }),
  );
  if (missing.length > 0) {
    const names = missing.map(({ program }) => program).join(', ');
    console.error(`${needing} ${names} on the PATH. Install them, or run this as root on Debian or Ubuntu.`);
    process.exit(1);
  }
  const folders = searchPath(process.env);
  process.env['PATH'] = folders.join(delimiter);
  return missingPrograms(optional, folders);
}

/**
 * @typedef {object} VitestOptions
 * @property {readonly string[]} given What the caller's command line has for Vitest: words that files are chosen by, and flags.
 * @property {string} [config] The path of its configuration; the project's own by default.
 * @property {NodeJS.ProcessEnv} [env] Besides ours.
 * @property {Pick<Parameters<typeof runInForeground>[2], 'withinMs' | 'onLate'>} [bound] There is none by default.
 */

/**
 * Runs Vitest in a process group of its own; resolves with its exit code and how many tests passed and failed.
 *
 * @param {VitestOptions} options
 * @returns {Promise<{ code: number, passed: number, failed: number }>}
 */
export async function runVitest({ given, config, env = {}, bound = {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-results-'));
  const wanted = resultsWanted(given);
  const results = wanted ?? join(folder, 'results.json');
  const flags = [
    ...(config === undefined ? [] : ['--config', config]),
    ...(given.some((argument) => argument.startsWith('--reporter')) ? [] : ['--reporter=default']),
    ...(wanted === undefined ? ['--reporter=json', `--outputFile.json=${results}`] : []),
  ];
  try {
    const code = await runInForeground(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'run', ...flags, ...given],
      { cwd: projectRoot, env: { ...process.env, ...env }, ownGroup: true, ...bound },
    );
    return { code, ...countTests(results) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The file that the results are to be written to, where the command line has one.
 *
 * @param {readonly string[]} given
 */
export function resultsWanted(given) {
  return given.find((argument) => argument.startsWith('--outputFile.json='))?.split('=')[1];
}
