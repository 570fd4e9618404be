/** `npm run test:load`: what the Artillery scenarios find on honest and on faulty servers. Words after `--` go to Vitest. */
import { runVitest, setUpWithPrograms } from './suite.mjs';

await setUpWithPrograms();
const { code, passed, failed } = await runVitest({ projects: ['load'] });
process.exitCode = code;
console.log(`${passed} passed, ${failed} failed`);
