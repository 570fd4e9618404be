/**
 * `npm run test:mutations [-- NAME ...]`: the set-up and Redis, then every mutation of server/test/mutations, or those named. Exit
 * code 0 when tests caught each one, 1 when a test file fails or a mutation was not caught, 2 for an unknown name.
 */
import process from 'node:process';
import { interruptibly, projectRoot } from '../../../scripts/lib/set-up.mjs';
import { testPrograms } from '../../../scripts/lib/system-programs.mjs';
import { setUpWithPrograms } from '../../../scripts/lib/test-run.mjs';

const needed = testPrograms.filter(({ program }) => program === 'redis-server');
await setUpWithPrograms('The mutation tests need', needed);
process.chdir(projectRoot);

// Vite is there only after the set-up.
const { runnerImport } = await import('vite');
/** @type {{ module: typeof import('../mutations/run-mutations.ts') }} */
const { module } = await runnerImport('server/test/mutations/run-mutations.ts', {
  configFile: false,
  root: projectRoot,
});
process.exitCode = await interruptibly((signal) =>
  module.runMutations(process.argv.slice(2), {
    root: projectRoot,
    say: (line) => void process.stdout.write(`${line}\n`),
    signal,
  }),
);
