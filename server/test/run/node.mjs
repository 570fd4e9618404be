/**
 * `npm run test:node -- 24`: the unit, contract and wire tests under another Node, from the npm package `node`. It is installed
 * into .work/node-24, apart from the project's own dependencies. Further words go to Vitest.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from '../../../scripts/lib/group.mjs';
import { interruptibly, projectRoot } from '../../../scripts/lib/set-up.mjs';
import { runVitest, setUpWithPrograms } from './suite.mjs';

const [version = '', ...given] = process.argv.slice(2);
if (!/^\d+(\.\d+){0,2}$/.test(version)) {
  console.error('Name the Node version to test: npm run test:node -- 24');
  process.exit(2);
}

await setUpWithPrograms();
const folder = join(projectRoot, `.work/node-${version}`);
const program = join(folder, 'node_modules/node/bin/node');
if (!existsSync(program)) {
  console.log(`installing Node ${version} into .work`);
  mkdirSync(folder, { recursive: true });
  const npmArgs = ['install', '--prefix', folder, '--no-save', '--no-package-lock', `node@${version}`];
  await interruptibly((signal) => runQuietly('npm', npmArgs, { cwd: folder, signal }));
}
const { code, passed, failed } = await runVitest({
  projects: ['unit', 'contracts', 'wire'],
  given,
  node: program,
});
process.exitCode = code;
console.log(`${passed} passed, ${failed} failed`);
