import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faultsTable, readLines, tableOf, withTable } from './faults-table.mjs';

const root = join(import.meta.dirname, '../../..');

const rowOf = (fault: string, more = {}) => ({
  file: 'a.test.ts',
  order: 0,
  fault,
  promise: 'soon',
  measured: '1 s',
  outcome: 'kept' as const,
  ...more,
});

test('the table has a row per line, sorted by file and place, and escapes pipes', () => {
  const lines = [
    rowOf('third', { file: 'b.test.ts', promise: 'never', measured: '', outcome: 'broken' }),
    rowOf('second', { order: 10 }),
    rowOf('a | b', { order: 2 }),
  ];
  const table = faultsTable(readLines(lines.map((line) => `${JSON.stringify(line)}\n`).join('')), {
    node: '20.0.0',
    date: '2026-01-01',
  });
  expect(table.split('\n').filter((line) => line.startsWith('| '))).toEqual([
    '| fault | promised | measured | outcome |',
    '| --- | --- | --- | --- |',
    String.raw`| a \| b | soon | 1 s | kept |`,
    '| second | soon | 1 s | kept |',
    '| third | never |  | broken |',
  ]);
  expect(table).toContain('Node 20.0.0');
});

test('a new table replaces the text between the markers and nothing else', () => {
  const [old, wanted] = ['a', 'b'].map((fault) => tableOf([rowOf(fault)]));
  const around = (table = ''): string =>
    `before\n\n<!-- faults: written by npm run test:faults -->\n\n${table}\n\n<!-- end of faults -->\n\nafter\n`;
  expect(withTable(around(old), wanted ?? '')).toBe(around(wanted));
  expect(() => withTable('before\n\nafter\n', '')).toThrow('no place for the table');
});

test('the README holds the table of server/test/faults.md', () => {
  const [document = '', readme = ''] = ['server/test/faults.md', 'README.md'].map((path) =>
    readFileSync(join(root, path), 'utf8'),
  );
  const table = document.slice(document.indexOf('| fault |')).trimEnd();
  expect(withTable(readme, table)).toBe(readme);
});
