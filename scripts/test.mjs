/**
 * `npm test`: the set-up, the programs that the tests need, then every test. What is given after `npm test --` goes to
 * Vitest: `npm test -- server/test/cluster`.
 */
import { optionalPrograms, testPrograms } from './lib/system-programs.mjs';
import { runVitest, setUpWithPrograms } from './lib/test-run.mjs';

await setUpWithPrograms('The tests need', testPrograms, optionalPrograms);
const { code } = await runVitest({ given: process.argv.slice(2) });
process.exitCode = code;
