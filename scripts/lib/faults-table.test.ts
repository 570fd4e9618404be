import { expect, test } from 'vitest';
import { faultsTable, readLines } from './faults-table.mjs';

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
