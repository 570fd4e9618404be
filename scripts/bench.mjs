/**
 * `npm run bench [-- --quick]`: the set-up, then the benchmark in server/bench. Ends with 0 only when every run was a result and
 * no ratio is worse than its goal by more than a quarter.
 */
import { runnerImport } from 'vite';
import { projectRoot, setUp } from './lib/set-up.mjs';

await setUp();
process.chdir(projectRoot);
/** @type {{ module: { runBench: (args: string[]) => Promise<number> } }} */
const { module } = await runnerImport('server/bench/bench.ts', { configFile: false, root: projectRoot });
try {
  process.exitCode = await module.runBench(process.argv.slice(2));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
