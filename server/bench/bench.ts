/**
 * `npm run bench`: every row of rows.ts, measured on real sockets. `npm run bench -- stage bus` runs these experiments only, `--quick`
 * is a short run, `--profile=FOLDER` writes CPU profiles of the peers. A whole run writes results.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleProgram } from '../test/support/processes/bundle-program.ts';
import { startCalled } from './child-calls.ts';
import type { DriverCalls } from './driver/driver-calls.ts';
import { driverState, startServer, type Bench } from './experiments/bench.ts';
import { measureBus } from './experiments/bus.ts';
import { measureCluster } from './experiments/cluster.ts';
import { measureConnects, measureMemory } from './experiments/connections.ts';
import { measureCosts } from './experiments/costs.ts';
import { measureSizes, measureStuck } from './experiments/crowds.ts';
import { measureEmbedded } from './experiments/embedded.ts';
import { measureManySymbols } from './experiments/many-symbols.ts';
import { measureLone, measurePhases } from './experiments/phases.ts';
import { measureStage } from './experiments/stage-rows.ts';
import { measureThroughput } from './experiments/throughput.ts';
import { measureWatchers } from './experiments/watchers.ts';
import {
  closingLine,
  resultLine,
  resultOf,
  resultsDocument,
  shown,
  type DriverState,
  type Machine,
} from './results.ts';
import { isMet, slack, type Result } from './rows.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const experiments: Record<string, (bench: Bench) => Promise<void>> = {
  stage: measureStage,
  phases: measurePhases,
  lone: measureLone,
  embedded: measureEmbedded,
  cluster: measureCluster,
  bus: measureBus,
  throughput: measureThroughput,
  memory: measureMemory,
  symbols: measureManySymbols,
  connects: measureConnects,
  sizes: measureSizes,
  stuck: measureStuck,
  watchers: measureWatchers,
  costs: measureCosts,
};

/** Returns the exit code: 2 if a run was no result, 1 if a row is far from its goal. After a failed experiment the others go on. */
export async function runBench(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, profile: { type: 'string' } },
  });
  const chosen = positionals.length === 0 ? Object.keys(experiments) : positionals;
  for (const name of chosen)
    if (experiments[name] === undefined)
      throw new Error(`there is no experiment ${name}; there are ${Object.keys(experiments).join(', ')}`);

  // Before anything: the run is of the code as it is now.
  const onMachine = machine();
  const results: Result[] = [];
  const notes: string[] = [];
  const drivers: DriverState[] = [];
  const failed: string[] = [];
  const programs = await Promise.all(
    ['driver/driver-program.ts', 'peers/server-program.ts', 'peers/bun-program.ts'].map((path) =>
      bundleProgram(`server/bench/${path}`),
    ),
  );
  const [driverProgram = '', node = '', bun = ''] = programs.map(({ path }) => path);
  const driver = startCalled<DriverCalls>(driverProgram);
  const profiles = values.profile === undefined ? null : resolve(values.profile);
  if (profiles !== null) mkdirSync(profiles, { recursive: true });
  const bench: Bench = {
    driver,
    quick: values.quick,
    rounds: values.quick ? 2 : 3,
    profiles,
    startServer: (request, nodeArgs = []) => startServer({ node, bun }, request, nodeArgs),
    report: (row, rounds) => {
      const result = resultOf(row, rounds);
      results.push(result);
      console.log(resultLine(result));
      return result;
    },
    note: (line) => {
      notes.push(line);
      console.log(`  ${line}`);
    },
    noteDriver: (experiment, tallies) => {
      const state = driverState(experiment, tallies);
      drivers.push(state);
      console.log(
        `  driver: ${Math.round(state.busy * 100)} % of a core, late by ${shown(state.lagP99)} ms (p99)`,
      );
    },
  };
  try {
    for (const name of chosen)
      try {
        await experiments[name]?.(bench);
      } catch (error) {
        console.error(error);
        failed.push(name);
        bench.note(`${name} gave no result: ${error instanceof Error ? error.message : String(error)}`);
      }
  } finally {
    await driver.close();
    for (const { remove } of programs) remove();
  }
  const isWhole = !values.quick && positionals.length === 0 && values.profile === undefined;
  if (isWhole)
    writeFileSync(
      join(root, 'server/bench/results.md'),
      resultsDocument({ results, notes, drivers, machine: onMachine }),
    );
  console.log(closingLine(results));
  if (failed.length > 0) {
    console.error(`no result: ${failed.join(', ')}`);
    return 2;
  }
  return results.every((result) => isMet(result, slack)) ? 0 : 1;
}

function machine(): Machine {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const changed =
    git('status', '--porcelain', '--', 'server/src', 'server/protocol') === '' ? '' : ' with changes';
  const [first] = cpus();
  return {
    cpu: first?.model ?? 'an unknown processor',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    commit: `${git('rev-parse', '--short', 'HEAD')}${changed}`,
    load: loadavg()[0] ?? NaN,
    date: new Date().toISOString().slice(0, 10),
  };
}
