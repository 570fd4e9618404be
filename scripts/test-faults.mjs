/**
 * `npm run test:faults`: the set-up, the programs that the tests need, then every fault against true processes, and the table of what
 * was promised and measured in server/test/faults.md and the README. What follows `--` goes to Vitest; the table is written by
 * whole runs that kept every promise, and shown by all.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultsTable, readLines, tableOf, withTable } from './lib/faults-table.mjs';
import { projectRoot } from './lib/set-up.mjs';
import { faultPrograms, testPrograms } from './lib/system-programs.mjs';
import { runVitest, setUpWithPrograms } from './lib/test-run.mjs';

const config = 'server/test/faults/vitest.config.ts';
const given = process.argv.slice(2);
const isWhole = given.every(
  (argument) => argument.startsWith('--reporter') || argument.startsWith('--outputFile'),
);

await setUpWithPrograms('The tests need', [...testPrograms, ...faultPrograms]);
const folder = mkdtempSync(join(tmpdir(), 'tickwire-faults-'));
const lines = join(folder, 'rows.jsonl');
writeFileSync(lines, '');
try {
  const { code } = await runVitest({ given, config, env: { FAULTS_TABLE: lines } });
  process.exitCode = code;
  const rows = readLines(readFileSync(lines, 'utf8'));
  const table = faultsTable(rows, {
    node: process.versions.node,
    date: new Date().toISOString().slice(0, 10),
  });
  console.log(`\n${table}`);
  if (isWhole && code === 0) {
    writeFileSync(join(projectRoot, 'server/test/faults.md'), table);
    const readme = join(projectRoot, 'README.md');
    writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), tableOf(rows)));
  }
  const broken = rows.filter(({ outcome }) => outcome === 'broken').length;
  console.log(`${rows.filter(({ outcome }) => outcome === 'kept').length} passed, ${broken} failed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
