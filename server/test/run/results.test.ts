/** Counts from invented result files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { countByGroup, countTests, summarise } from './results.mjs';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tickwire-results-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

type Tests = Record<string, 'passed' | 'failed' | 'skipped'>;

/** Writes the results of a step that ran these tests; a step without tests writes none. */
function step(name: string, code: number, files?: Record<string, Tests>) {
  const results = join(folder, `${name}.json`);
  const ran = { name, code, results };
  if (files === undefined) return ran;
  const testResults = Object.entries(files).map(([file, tests]) => ({
    name: join(process.cwd(), file),
    status: Object.values(tests).every((status) => status !== 'failed') && code === 0 ? 'passed' : 'failed',
    assertionResults: Object.entries(tests).map(([fullName, status]) => ({ fullName, status })),
  }));
  writeFileSync(results, JSON.stringify({ testResults }));
  return ran;
}

test('a test that two steps ran counts once, a skipped test does not count', () => {
  const steps = [
    step('set-up', 0),
    step('check', 0, { 'a.test.ts': { one: 'passed', two: 'passed' } }),
    step('test', 0, {
      'a.test.ts': { one: 'passed', two: 'passed' },
      'b.test.ts': { one: 'passed', odd: 'skipped' },
    }),
  ];
  expect(summarise(steps)).toEqual({ passed: 3, failures: [] });
});

test('a test that failed in one of two steps is a failure', () => {
  const steps = [
    step('check', 1, { 'a.test.ts': { one: 'failed', two: 'passed' } }),
    step('test', 0, { 'a.test.ts': { one: 'passed', two: 'passed' } }),
  ];
  expect(summarise(steps)).toEqual({ passed: 1, failures: ['a.test.ts: one'] });
});

test('a step that fails without a failed test is a failure by itself', () => {
  const steps = [step('check', 2), step('test', 0, { 'a.test.ts': { one: 'passed' } })];
  expect(summarise(steps)).toEqual({ passed: 1, failures: ['step check: exit code 2'] });
});

test('a file that could not be read is a failure', () => {
  expect(summarise([step('test', 1, { 'a.test.ts': {} })])).toEqual({ passed: 0, failures: ['a.test.ts'] });
});

test('tests are counted by their outermost group, a skipped one not', () => {
  const one = (group: string, status: string) => ({
    fullName: `${group} x`,
    ancestorTitles: [group, 'x'],
    status,
  });
  const path = join(folder, 'results.json');
  const testResults = [
    { name: 'b.test.ts', status: 'failed', assertionResults: [one('b', 'failed'), one('b', 'passed')] },
    { name: 'a.test.ts', status: 'passed', assertionResults: [one('a', 'passed'), one('a', 'skipped')] },
  ];
  writeFileSync(path, JSON.stringify({ testResults }));
  expect(countByGroup(path)).toEqual([
    { group: 'a', passed: 1, total: 1 },
    { group: 'b', passed: 1, total: 2 },
  ]);
});

test('a file of tests that could not be read, and results that are not there, are a failure each', () => {
  step('test', 1, { 'a.test.ts': { one: 'passed', two: 'skipped' }, 'b.test.ts': {} });
  expect(countTests(join(folder, 'test.json'))).toEqual({ passed: 1, failed: 1 });
  expect(countTests(join(folder, 'nothing.json'))).toEqual({ passed: 0, failed: 1 });
  step('good', 0, { 'a.test.ts': { one: 'passed', two: 'skipped' } });
  expect(countTests(join(folder, 'good.json'))).toEqual({ passed: 1, failed: 0 });
});
