/**
 * `npm run test:chaos -- --seed N --seconds S`: the set-up, then one run of random faults against a true cluster under load. Prints
 * its seed, what it does, a summary and `N passed, N failed`. What follows a further `--` goes to Vitest.
 */
import { parseArgs } from 'node:util';
import { runVitest, setUpWithPrograms } from './lib/test-run.mjs';

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, seconds: { type: 'string', default: '60' } },
  allowPositionals: true,
});
for (const [name, text] of Object.entries(values)) {
  if (/^\d{1,9}$/.test(text)) continue;
  console.error(`--${name} must be a whole number, not ${JSON.stringify(text)}`);
  process.exit(2);
}

await setUpWithPrograms('Chaos needs');
const env = {
  CHAOS_SECONDS: values.seconds,
  ...(values.seed === undefined ? {} : { CHAOS_SEED: values.seed }),
};
const config = 'server/test/chaos/vitest.config.ts';
const { code, passed, failed } = await runVitest({ given: positionals, config, env });
process.exitCode = code;
console.log(`${passed} passed, ${failed} failed`);
