/** The pure steps of the mutation tests. This file is here because the unit tests include this folder. */
import { describe, expect, it } from 'vitest';
import {
  applyMutation,
  chooseMutations,
  outcomeLine,
  outcomeOf,
  type VitestReport,
} from './mutation-steps.ts';
import type { Mutation } from './mutations.ts';

const fence: Mutation = {
  name: 'fence',
  rule: 'An old leader is refused.',
  file: 'store.ts',
  find: 'if (old) return;\n',
  replace: '$&',
  tests: ['store.test.ts', 'log.test.ts'],
};

function report(...tests: { title?: string; status: string; failure?: string }[]): VitestReport {
  const assertionResults = tests.map(({ title = 'a title', status, failure }) => ({
    fullName: title,
    status,
    failureMessages: failure === undefined ? [] : [failure],
  }));
  return { testResults: [{ message: '', assertionResults }] };
}

describe('applyMutation', () => {
  it('replaces the text that occurs once, and takes the new text literally', () => {
    expect(applyMutation('begin\nif (old) return;\nend\n', fence)).toEqual({
      ok: true,
      source: 'begin\n$&end\n',
    });
  });

  it.each([
    { found: 'none', source: 'begin\nend\n', count: 0 },
    { found: 'two', source: 'if (old) return;\nif (old) return;\n', count: 2 },
  ])('names the mutation and its file when $found are found', ({ source, count }) => {
    const applied = applyMutation(source, fence);
    expect(applied).toMatchObject({ ok: false });
    expect(applied.ok ? '' : applied.problem).toMatch(
      new RegExp(`^fence: the mutation no longer fits the code\\. store\\.ts .* ${count} times`),
    );
  });
});

describe('chooseMutations', () => {
  const table = [fence, { ...fence, name: 'claim' }];

  it('chooses all without a name, and the named ones in the order of the table', () => {
    expect(chooseMutations(table, [])).toEqual({ chosen: table, unknown: [] });
    expect(chooseMutations(table, ['claim', 'fence'])).toEqual({ chosen: table, unknown: [] });
    expect(chooseMutations(table, ['claim'])).toEqual({ chosen: [table[1]], unknown: [] });
  });

  it('reports names that no mutation has', () => {
    expect(chooseMutations(table, ['fence', 'fences', '--all'])).toMatchObject({
      unknown: ['fences', '--all'],
    });
  });
});

describe('outcomeOf', () => {
  it('is red when a test failed', () => {
    const failed = { status: 'failed', failure: 'AssertionError: expected 1 to be 2' };
    const found = outcomeOf(
      report({ status: 'passed' }, { ...failed, title: 'x' }, { ...failed, title: 'y' }),
    );
    expect(found).toEqual({ at: 'red', titles: ['x', 'y'] });
    expect(outcomeLine(fence, found)).toBe('fence: red, 2 tests: x');
  });

  it('is green when every test passed', () => {
    const found = outcomeOf(report({ status: 'passed' }, { status: 'pending' }));
    expect(found).toEqual({ at: 'green' });
    expect(outcomeLine(fence, found)).toBe('fence: NOT caught by store.test.ts, log.test.ts');
  });

  it('is unusable when a file could not be loaded, a set-up step failed or no test ran', () => {
    const unloaded = { testResults: [{ message: 'Failed to parse store.ts\nmore', assertionResults: [] }] };
    const found = outcomeOf(unloaded);
    expect(found).toEqual({ at: 'unusable', reason: 'Failed to parse store.ts' });
    expect(outcomeLine(fence, found)).toBe(
      'fence: NOT caught by store.test.ts, log.test.ts: Failed to parse store.ts',
    );
    const [file] = report({ status: 'pending' }).testResults;
    expect(outcomeOf({ testResults: file === undefined ? [] : [{ ...file, message: 'no Redis' }] })).toEqual({
      at: 'unusable',
      reason: 'no Redis',
    });
    expect(outcomeOf(report({ status: 'pending' }))).toEqual({ at: 'unusable', reason: 'no test ran' });
    expect(outcomeOf(report())).toMatchObject({ at: 'unusable' });
    expect(outcomeOf(null)).toMatchObject({ at: 'unusable' });
  });

  it.each([
    'ReferenceError: old is not defined\n    at store.ts:1:1',
    'SyntaxError: Unexpected token',
    'ErrorReply: ERR Error compiling script (new function): user_script:7: unexpected symbol',
    'ErrorReply: ERR user_script:3: attempt to compare nil with number',
  ])('is unusable when tests failed only because the code is broken: %s', (failure) => {
    expect(outcomeOf(report({ status: 'failed', failure }))).toMatchObject({ at: 'unusable' });
    expect(
      outcomeOf(report({ status: 'failed', failure }, { status: 'failed', failure: 'AssertionError: no' })),
    ).toMatchObject({ at: 'red' });
  });
});
