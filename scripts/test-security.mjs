/**
 * `npm run test:security`: the set-up, the programs that the tests need, then every row of the catalogue of bad input against true
 * processes, and a count per group. What follows `--` goes to Vitest.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { countByGroup } from './lib/ci-results.mjs';
import { runInForeground } from './lib/foreground.mjs';
import { interruptibly, projectRoot, setUp } from './lib/set-up.mjs';
import { installPrograms, searchPath, testPrograms } from './lib/system-programs.mjs';

const given = process.argv.slice(2);

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

const folder = mkdtempSync(join(tmpdir(), 'tickwire-security-'));
const [, wanted] = /^--outputFile\.json=(.+)$/m.exec(given.join('\n')) ?? [];
const results = wanted ?? join(folder, 'results.json');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
const config = ['--config', 'server/test/security/vitest.config.ts'];
try {
  process.exitCode = await runInForeground(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...config,
      ...(wanted === undefined ? reporters : []),
      ...given,
    ],
    {
      cwd: projectRoot,
      env: { ...process.env, PATH: searchPath(process.env).join(delimiter) },
      ownGroup: true,
    },
  );
  const groups = countByGroup(results);
  for (const { group, passed, total } of groups) console.log(`${group}: ${passed} of ${total}`);
  const [passed, total] = groups.reduce(([a, b], group) => [a + group.passed, b + group.total], [0, 0]);
  console.log(`${passed} passed, ${total - passed} failed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
