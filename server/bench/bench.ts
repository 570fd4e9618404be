/**
 * `npm run bench`: every row of rows.ts, measured on real sockets. `--quick` is a short run; `--only=stage`
 * runs one experiment; `--profile=FOLDER` writes a CPU profile of each peer of the fan-out stage, of the bus and of the connects. A whole run writes results.md.
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
import { measureStage } from './experiments/stage-rows.ts';
import { measureWatchers } from './experiments/watchers.ts';
import {
  closingLine,
  resultLine,
  resultOf,
  resultsDocument,
  type DriverState,
  type Machine,
} from './results.ts';
import { isMet, slack, type Result } from './rows.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const experiments: Record<string, (bench: Bench) => Promise<void>> = {
  stage: measureStage,
  cluster: measureCluster,
  bus: measureBus,
  memory: measureMemory,
  connects: measureConnects,
  sizes: measureSizes,
  stuck: measureStuck,
  watchers: measureWatchers,
  costs: measureCosts,
};

/** Gives the exit code: 2 where a run was no result, 1 where a ratio is far from its goal. The other experiments go on. */
export async function runBench(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      profile: { type: 'string' },
    },
  });
  const chosen = values.only.length === 0 ? Object.keys(experiments) : values.only;
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
    ['driver/driver-program.ts', 'peers/server-program.ts'].map((path) =>
      bundleProgram(`server/bench/${path}`),
    ),
  );
  const [driverProgram, serverProgram] = programs.map(({ path }) => path);
  const driver = startCalled<DriverCalls>(driverProgram ?? '');
  const profiles = values.profile === undefined ? null : resolve(values.profile);
  if (profiles !== null) mkdirSync(profiles, { recursive: true });
  const bench: Bench = {
    driver,
    quick: values.quick,
    rounds: values.quick ? 3 : 5,
    profiles,
    startServer: (request, nodeArgs = []) => startServer(serverProgram ?? '', request, nodeArgs),
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
      console.log(`  driver: ${Math.round(state.busy * 100)} % of a core, late by ${state.lagP99} ms (p99)`);
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
  const isWhole = !values.quick && values.only.length === 0 && values.profile === undefined;
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
