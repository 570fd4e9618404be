/**
 * `npm test`: the set-up, the programs that the tests need, then every test. What is given after `npm test --` goes to
 * Vitest: `npm test -- server/test/cluster`. Where there is no Prometheus, its tests are skipped, which is said before and
 * after; with `CI` set they are not, and it is installed or asked for.
 */
import { prometheusPrograms, testPrograms } from './lib/system-programs.mjs';
import { runVitest, setUpWithPrograms } from './lib/test-run.mjs';

const absent = await setUpWithPrograms('The tests need', testPrograms, prometheusPrograms);
const skipped = `Tests that need ${absent.map(({ program }) => program).join(' and ')} are skipped: Debian's package is ${absent[0]?.debianPackage}.`;
if (absent.length > 0) console.log(skipped);
const { code } = await runVitest({ given: process.argv.slice(2) });
if (absent.length > 0) console.log(skipped);
process.exitCode = code;
