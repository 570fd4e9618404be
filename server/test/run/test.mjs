/**
 * `npm test`: the set-up, then every test that a change needs before it is committed. Words after `npm test --` go to
 * Vitest: `npm test -- server/test/cluster`.
 */
import { runVitest, setUpWithPrograms } from './suite.mjs';

await setUpWithPrograms();
const { code } = await runVitest({ projects: ['unit', 'contracts', 'wire', 'cluster', 'alone'] });
process.exitCode = code;
