/**
 * `npm test`: the set-up, the programs that the tests need, then every test. What is given after `npm test --` goes to
 * Vitest: `npm test -- server/test/cluster`.
 */
import { delimiter } from 'node:path';
import { runInForeground } from './lib/foreground.mjs';
import { interruptibly, projectRoot, setUp } from './lib/set-up.mjs';
import { installPrograms, searchPath, testPrograms } from './lib/system-programs.mjs';

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
process.exitCode = await runInForeground(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)],
  {
    cwd: projectRoot,
    env: { ...process.env, PATH: searchPath(process.env).join(delimiter) },
    ownGroup: true,
  },
);
