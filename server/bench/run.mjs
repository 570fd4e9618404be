/**
 * `npm run bench [-- --quick]`: the set-up, Redis and Nginx, then the benchmark in server/bench. Ends with 0 when every run was a
 * result and no ratio is worse than its goal by more than a quarter, with 1 where one is, and with 2 where a run was no result.
 */
import { importTypeScript } from '../../scripts/lib/import-typescript.mjs';
import { projectRoot } from '../../scripts/lib/set-up.mjs';
import { setUpWithPrograms } from '../test/run/suite.mjs';
import { testPrograms } from '../test/run/system-programs.mjs';

const needed = testPrograms.filter(({ program }) => ['redis-server', 'nginx'].includes(program));
await setUpWithPrograms(needed);
process.chdir(projectRoot);

/** @type {{ runBench: (args: string[]) => Promise<number> }} */
const { runBench } = await importTypeScript('server/bench/bench.ts');
try {
  process.exitCode = await runBench(process.argv.slice(2));
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
