/**
 * `npm test`: the set-up, the programs that the tests need, then every test. What is given after `npm test --` goes to
 * Vitest: `npm test -- server/test/cluster`.
 */
import { runVitest, setUpWithPrograms } from './lib/test-run.mjs';

await setUpWithPrograms('The tests need');
const { code } = await runVitest({ given: process.argv.slice(2) });
process.exitCode = code;
