/**
 * `npm run test:faults`: the set-up, the programs that the tests need, then every fault against true processes, and the table of what
 * was promised and measured in server/test/faults.md and the README. What follows `--` goes to Vitest; the table is written by
 * whole runs that kept every promise, and shown by all.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { faultsTable, readLines, tableOf, withTable } from './lib/faults-table.mjs';
import { runInForeground } from './lib/foreground.mjs';
import { interruptibly, projectRoot, setUp } from './lib/set-up.mjs';
import { installPrograms, searchPath, testPrograms } from './lib/system-programs.mjs';

const config = 'server/test/faults/vitest.config.ts';
const given = process.argv.slice(2);
const isWhole = given.every(
  (argument) => argument.startsWith('--reporter') || argument.startsWith('--outputFile'),
);

await setUp();
const missing = await interruptibly((signal) =>
  installPrograms(testPrograms, { say: console.log, env: process.env, signal }),
);
if (missing.length > 0) {
  const names = missing.map(({ program }) => program).join(', ');
  console.error(
    `The tests need ${names} on the PATH. Install them, or run this as root on Debian or Ubuntu.`,
  );
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'tickwire-faults-'));
const lines = join(folder, 'rows.jsonl');
writeFileSync(lines, '');
try {
  process.exitCode = await runInForeground(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--config', config, ...given],
    {
      cwd: projectRoot,
      env: { ...process.env, PATH: searchPath(process.env).join(delimiter), FAULTS_TABLE: lines },
      ownGroup: true,
    },
  );
  const rows = readLines(readFileSync(lines, 'utf8'));
  const table = faultsTable(rows, {
    node: process.versions.node,
    date: new Date().toISOString().slice(0, 10),
  });
  console.log(`\n${table}`);
  if (isWhole && process.exitCode === 0) {
    writeFileSync(join(projectRoot, 'server/test/faults.md'), table);
    const readme = join(projectRoot, 'README.md');
    writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), tableOf(rows)));
  }
  const broken = rows.filter(({ outcome }) => outcome === 'broken').length;
  console.log(`${rows.filter(({ outcome }) => outcome === 'kept').length} passed, ${broken} failed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
