/**
 * `npm run bench [-- --quick] [experiment ...]`: the set-up, Redis, Nginx and Bun, then the benchmark in server/bench. Ends with 0
 * when every run was a result and no row misses its goal by more than a quarter, with 1 when a row does, and with 2 when a run was
 * no result.
 */
import { join } from 'node:path';
import { importTypeScript } from '../../scripts/lib/import-typescript.mjs';
import { interruptibly, prepare, projectRoot } from '../../scripts/lib/set-up.mjs';
import { setUpWithPrograms } from '../test/run/suite.mjs';
import { testPrograms } from '../test/run/system-programs.mjs';

const needed = testPrograms.filter(({ program }) => ['redis-server', 'nginx'].includes(program));
await setUpWithPrograms(needed);
await interruptibly((signal) =>
  prepare({
    root: join(projectRoot, 'server/bench'),
    build: false,
    signal,
    say: () => console.log('installing Bun into server/bench (first run)'),
  }),
);
process.chdir(projectRoot);

/** @type {{ runBench: (args: string[]) => Promise<number> }} */
const { runBench } = await importTypeScript('server/bench/bench.ts');
try {
  process.exitCode = await runBench(process.argv.slice(2));
} catch (error) {
  console.error(error);
  process.exitCode = 2;
}
