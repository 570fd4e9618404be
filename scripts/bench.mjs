/**
 * `npm run bench [-- --quick]`: the set-up, Redis and Nginx, then the benchmark in server/bench. Ends with 0 when every run was a
 * result and no ratio is worse than its goal by more than a quarter, with 1 where one is, and with 2 where a run was no result.
 */
import { delimiter } from 'node:path';
import { runnerImport } from 'vite';
import { interruptibly, projectRoot, setUp } from './lib/set-up.mjs';
import { installPrograms, searchPath, testPrograms } from './lib/system-programs.mjs';

await setUp();
const needed = testPrograms.filter(({ program }) => ['redis-server', 'nginx'].includes(program));
const missing = await interruptibly((signal) =>
  installPrograms(needed, { say: console.log, env: process.env, signal }),
);
if (missing.length > 0) {
  const names = missing.map(({ program }) => program).join(', ');
  console.error(
    `The benchmark needs ${names} on the PATH. Install them, or run this as root on Debian or Ubuntu.`,
  );
  process.exit(1);
}
process.env['PATH'] = searchPath(process.env).join(delimiter);
process.chdir(projectRoot);

/** @type {{ module: { runBench: (args: string[]) => Promise<number> } }} */
const { module } = await runnerImport('server/bench/bench.ts', { configFile: false, root: projectRoot });
try {
  process.exitCode = await module.runBench(process.argv.slice(2));
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
