/**
 * `npm run test:chaos -- --seed N --seconds S`: the set-up, then one run of random faults against a true cluster under load. Prints
 * its seed, what it does, a summary and `N passed, N failed`. What follows a further `--` goes to Vitest.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { runInForeground } from './lib/foreground.mjs';
import { interruptibly, projectRoot, setUp } from './lib/set-up.mjs';
import { installPrograms, searchPath, testPrograms } from './lib/system-programs.mjs';

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, seconds: { type: 'string', default: '60' } },
  allowPositionals: true,
});
for (const [name, text] of Object.entries(values)) {
  if (/^\d{1,9}$/.test(text)) continue;
  console.error(`--${name} must be a whole number, not ${JSON.stringify(text)}`);
  process.exit(2);
}

await setUp();
const missing = await interruptibly((signal) =>
  installPrograms(testPrograms, { say: console.log, env: process.env, signal }),
);
if (missing.length > 0) {
  const names = missing.map(({ program }) => program).join(', ');
  console.error(`Chaos needs ${names} on the PATH. Install them, or run this as root on Debian or Ubuntu.`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'tickwire-chaos-'));
const [, given] = /^--outputFile\.json=(.+)$/m.exec(positionals.join('\n')) ?? [];
const results = given ?? join(folder, 'results.json');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
const config = ['--config', 'server/test/chaos/vitest.config.ts'];
try {
  process.exitCode = await runInForeground(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...config,
      ...(given === undefined ? reporters : []),
      ...positionals,
    ],
    {
      cwd: projectRoot,
      env: {
        ...process.env,
        PATH: searchPath(process.env).join(delimiter),
        CHAOS_SECONDS: values.seconds,
        ...(values.seed === undefined ? {} : { CHAOS_SEED: values.seed }),
      },
      ownGroup: true,
    },
  );
  const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(results, 'utf8'));
  console.log(`${numPassedTests} passed, ${numTotalTests - numPassedTests} failed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
