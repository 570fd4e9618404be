/**
 * `npm run test:faults`: every fault against real processes, and the table of promises and measurements. A whole run that kept
 * every promise writes the table into server/test/faults.md and the README; every run prints it. Words after `--` go to Vitest.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../scripts/lib/set-up.mjs';
import { faultsTable, readLines, tableOf, withTable } from './faults-table.mjs';
import { runVitest, setUpWithPrograms, temporaryFolder } from './suite.mjs';
import { faultPrograms, testPrograms } from './system-programs.mjs';

const isWhole = process.argv.slice(2).every((word) => /^--(reporter|outputFile)/.test(word));

await setUpWithPrograms([...testPrograms, ...faultPrograms]);
const lines = join(temporaryFolder(), 'rows.jsonl');
writeFileSync(lines, '');
const { code, passed, failed } = await runVitest({
  projects: ['faults', 'faults-alone'],
  env: { FAULTS_TABLE: lines },
});
process.exitCode = code;
const rows = readLines(readFileSync(lines, 'utf8'));
const table = faultsTable(rows, { node: process.versions.node, date: new Date().toISOString().slice(0, 10) });
console.log(`\n${table}`);
if (isWhole && code === 0) {
  writeFileSync(join(projectRoot, 'server/test/faults.md'), table);
  const readme = join(projectRoot, 'README.md');
  writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), tableOf(rows)));
}
console.log(`${passed} passed, ${failed} failed`);
