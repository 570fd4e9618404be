/**
 * `npm run test:chaos -- --seed N --seconds S`: random faults against a real cluster under load. Prints its seed, each fault, a
 * summary and `N passed, N failed`. Words after a further `--` go to Vitest.
 */
import { parseArgs } from 'node:util';
import { runVitest, setUpWithPrograms } from './suite.mjs';

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, seconds: { type: 'string', default: '60' } },
  allowPositionals: true,
});
for (const [name, text] of Object.entries(values)) {
  if (/^\d{1,9}$/.test(text)) continue;
  console.error(`--${name} must be a whole number, not ${JSON.stringify(text)}`);
  process.exit(2);
}

await setUpWithPrograms();
const { code, passed, failed } = await runVitest({
  projects: ['chaos'],
  given: positionals,
  env: {
    CHAOS_SECONDS: values.seconds,
    ...(values.seed === undefined ? {} : { CHAOS_SEED: values.seed }),
  },
});
process.exitCode = code;
console.log(`${passed} passed, ${failed} failed`);
