/**
 * `npm run test:security [-- PART...]`: every row of the catalogue of bad input against real processes, and a count per group.
 * A part is a file of server/test/security.
 */
import { countByGroup } from './results.mjs';
import { runVitest, setUpWithPrograms } from './suite.mjs';

await setUpWithPrograms();
const { code, passed, failed, results } = await runVitest({ projects: ['security'] });
process.exitCode = code;
for (const group of countByGroup(results)) console.log(`${group.group}: ${group.passed} of ${group.total}`);
console.log(`${passed} passed, ${failed} failed`);
