/** `node scripts/ci-summary.mjs FOLDER`: the closing line of `.ci/run`, from the results in that folder. */
import { summarise } from './lib/ci-results.mjs';

const { passed, failures } = summarise(process.argv[2] ?? '.');
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
