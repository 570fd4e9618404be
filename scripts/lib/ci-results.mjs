/**
 * Counts what the steps of a CI run found. A folder holds `STEP.code`, the exit code of each step, and `STEP.json`, Vitest's
 * results, of those that run tests.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** @typedef {{ name: string, status: string, assertionResults: { fullName: string, ancestorTitles: string[], status: string }[] }} FileResults */

/**
 * A test that several steps ran is one test, and failed when it failed in one of them. A step that failed without a failed
 * test (a lint error, a time limit, an error outside tests) is one failure by itself; so is a file that could not be read.
 *
 * @param {string} folder
 * @returns {{ passed: number, failures: string[] }}
 */
export function summarise(folder) {
  /** @type {Map<string, boolean>} */
  const tests = new Map();
  /** @type {string[]} */
  const failures = [];
  const steps = readdirSync(folder).filter((name) => name.endsWith('.code'));
  for (const step of steps.map((name) => name.replace(/\.code$/, ''))) {
    const found = readTests(join(folder, `${step}.json`));
    for (const [name, passed] of found) tests.set(name, passed && tests.get(name) !== false);
    const code = readFileSync(join(folder, `${step}.code`), 'utf8').trim();
    const told = found.some(([, passed]) => !passed);
    if (code !== '0' && !told) failures.push(`the step ${step}, with code ${code}`);
  }
  for (const [name, passed] of tests) if (!passed) failures.push(name);
  return { passed: [...tests.values()].filter(Boolean).length, failures };
}

/**
 * How many tests passed and failed by a file of results; one that is missing or broken is one failure, as is a file of tests that could
 * not be read.
 *
 * @param {string} path Of Vitest's results.
 * @returns {{ passed: number, failed: number }}
 */
export function countTests(path) {
  const files = readResults(path);
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const count = (/** @type {string} */ wanted) => tests.filter(({ status }) => status === wanted).length;
  const unread = files.length === 0 || files.some(({ status }) => status === 'failed');
  return { passed: count('passed'), failed: count('failed') || Number(unread) };
}

/**
 * How many of the tests that ran passed, for each outermost `describe`, in the order of their files' names.
 *
 * @param {string} path Of Vitest's results.
 * @returns {{ group: string, passed: number, total: number }[]}
 */
export function countByGroup(path) {
  /** @type {Map<string, { group: string, passed: number, total: number }>} */
  const groups = new Map();
  const files = readResults(path).toSorted((a, b) => a.name.localeCompare(b.name, 'en'));
  for (const { ancestorTitles, status } of files.flatMap(({ assertionResults }) => assertionResults)) {
    if (status !== 'passed' && status !== 'failed') continue;
    const [group = ''] = ancestorTitles;
    const count = groups.get(group) ?? { group, passed: 0, total: 0 };
    groups.set(group, {
      group,
      passed: count.passed + (status === 'passed' ? 1 : 0),
      total: count.total + 1,
    });
  }
  return [...groups.values()];
}

/**
 * The tests that ran, with whether they passed; skipped ones are left out.
 *
 * @param {string} path
 * @returns {[string, boolean][]}
 */
function readTests(path) {
  return readResults(path).flatMap(({ name, status, assertionResults }) => {
    const file = relative(process.cwd(), name);
    /** @type {[string, boolean][]} */
    const tests = assertionResults
      .filter((test) => test.status === 'passed' || test.status === 'failed')
      .map((test) => [`${file}: ${test.fullName}`, test.status === 'passed']);
    const unread = status === 'failed' && tests.every(([, passed]) => passed);
    if (unread) tests.push([file, false]);
    return tests;
  });
}

/**
 * What Vitest found, file by file; nothing where its results are missing or broken.
 *
 * @param {string} path
 * @returns {FileResults[]}
 */
export function readResults(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults;
  } catch {
    // No tests in this step, or it was ended while it wrote: its exit code tells.
    return [];
  }
}
