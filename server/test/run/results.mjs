/** Counts from Vitest's result files: one run, one group of tests, or all steps of a larger run. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** @typedef {{ name: string, status: string, assertionResults: { fullName: string, ancestorTitles: string[], status: string }[] }} FileResults */

/**
 * Counts the tests of several steps. A test that several steps ran counts once, and failed if it failed in one of them. A step
 * with another code than 0 and no failed test (a lint error, a time limit) counts as one failure, and so does a file that could
 * not be loaded.
 *
 * @param {readonly { name: string, code: number, results: string }[]} steps `results` is the path of Vitest's results, which a step without tests does not write.
 * @returns {{ passed: number, failures: string[] }}
 */
export function summarise(steps) {
  /** @type {Map<string, boolean>} */
  const tests = new Map();
  /** @type {string[]} */
  const failures = [];
  for (const { name, code, results } of steps) {
    const found = readTests(results);
    for (const [test, passed] of found) tests.set(test, passed && tests.get(test) !== false);
    if (code !== 0 && found.every(([, passed]) => passed)) failures.push(`step ${name}: exit code ${code}`);
  }
  for (const [test, passed] of tests) if (!passed) failures.push(test);
  return { passed: [...tests.values()].filter(Boolean).length, failures };
}

/**
 * Counts the tests of one run. Missing results and a file that could not be loaded count as one failure.
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
 * Counts the tests of one run per outermost `describe`, in the order of their files' names. Skipped tests do not count.
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
 * The tests of one run with their outcome, without skipped ones.
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
 * Vitest's results per file; empty if they are missing or incomplete.
 *
 * @param {string} path
 * @returns {FileResults[]}
 */
function readResults(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults;
  } catch {
    return []; // The run had no tests, or ended while it wrote. Its exit code says so.
  }
}
