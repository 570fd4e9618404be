/**
 * `npm run test:mutations [-- NAME ...]`: every mutation of server/test/mutations, or the named ones. Exit code 0 if a test caught
 * each, 1 if one was not caught or a test file fails without a mutation, 2 for an unknown name.
 */
import process from 'node:process';
import { importTypeScript } from '../../../scripts/lib/import-typescript.mjs';
import { interruptibly, projectRoot } from '../../../scripts/lib/set-up.mjs';
import { setUpWithPrograms } from './suite.mjs';
import { testPrograms } from './system-programs.mjs';

await setUpWithPrograms(testPrograms.filter(({ program }) => program === 'redis-server'));
process.chdir(projectRoot);

/** @type {typeof import('../mutations/run-mutations.ts')} */
const { runMutations } = await importTypeScript('server/test/mutations/run-mutations.ts');
process.exitCode = await interruptibly((signal) =>
  runMutations(process.argv.slice(2), { root: projectRoot, say: console.log, signal }),
);
