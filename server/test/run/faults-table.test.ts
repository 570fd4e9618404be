import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faultsTable, readLines, tableOf, withTable } from './faults-table.mjs';

const root = join(import.meta.dirname, '../../..');

test('the table of faults has a row per line, in order, and survives pipes', () => {
  const lines = [
    { fault: 'a | b', promise: 'soon', measured: '1 s', outcome: 'kept' },
    { fault: 'c', promise: 'never', measured: '', outcome: 'broken' },
  ];
  const table = faultsTable(readLines(lines.map((line) => `${JSON.stringify(line)}\n`).join('')), {
    node: '20.0.0',
    date: '2026-01-01',
  });
  expect(table.split('\n').filter((line) => line.startsWith('| '))).toEqual([
    '| fault | promised | measured | outcome |',
    '| --- | --- | --- | --- |',
    String.raw`| a \| b | soon | 1 s | kept |`,
    '| c | never |  | broken |',
  ]);
  expect(table).toContain('Node 20.0.0');
});

test('a table takes the place of the one before between the markers, and nothing else moves', () => {
  const [old, wanted] = ['a', 'b'].map((fault) =>
    tableOf([{ fault, promise: 'soon', measured: '1 s', outcome: 'kept' }]),
  );
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
