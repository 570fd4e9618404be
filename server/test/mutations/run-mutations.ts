/**
 * `npm run test:mutations`: takes each guard of mutations.ts out of a copy of the project and checks that a test fails. Two copies
 * work at a time. The working tree itself is never changed.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { runQuietly, StepFailed } from '../../../scripts/lib/group.mjs';
import {
  applyMutation,
  chooseMutations,
  outcomeLine,
  outcomeOf,
  type VitestReport,
} from './mutation-steps.ts';
import { mutations, type Mutation } from './mutations.ts';

/** Where the project is, and how the run reports and ends. */
export interface RunMutationsOptions {
  root: string;
  say: (line: string) => void;
  /** Ends every test process; the run then rejects with the signal's reason, after its copies are removed. */
  signal: AbortSignal;
}

/** What a run of test files came to. `output` is what Vitest wrote. */
interface TestRun {
  passed: boolean;
  report: VitestReport | null;
  output: string;
}

const copies = 2;
/** A mutation can make a test wait for ever. The slowest file takes ten seconds on a busy machine. */
const maxRunMs = 90_000;
const resultsPath = '.work/results.json';

/**
 * Runs the mutations with these names, or all of them without a name. Resolves with an exit code: 0 when tests caught each
 * one, 1 when not or when the table no longer fits the code, 2 for an unknown name.
 */
export async function runMutations(
  names: readonly string[],
  { root, say, signal }: RunMutationsOptions,
): Promise<number> {
  const { chosen, unknown } = chooseMutations(mutations, names);
  if (unknown.length > 0) {
    say(
      `There is no mutation ${unknown.join(', ')}. The names are: ${mutations.map(({ name }) => name).join(', ')}`,
    );
    return 2;
  }
  const problems = chosen.flatMap((mutation) => problemsOf(root, mutation));
  if (problems.length > 0) {
    for (const problem of problems) say(problem);
    return 1;
  }

  const folders: string[] = [];
  try {
    for (let count = 0; count < copies; count++) folders.push(createCopy(root));
    const files = [...new Set(chosen.flatMap(({ tests }) => tests))];
    let failedBefore = 0;
    await inFolders(folders, files, async (folder, file) => {
      const { passed, output } = await runTests(folder, [file], signal);
      if (passed) return;
      failedBefore++;
      say(`${output.trimEnd()}\n${file} fails without a mutation. Mend it first.`);
    });
    if (failedBefore > 0) return 1;

    let caught = 0;
    await inFolders(folders, chosen, async (folder, mutation) => {
      const { report } = await runMutated(folder, mutation, signal);
      const outcome = outcomeOf(report);
      if (outcome.at === 'red') caught++;
      say(outcomeLine(mutation, outcome));
    });
    say(`${caught} passed, ${chosen.length - caught} failed`);
    return caught === chosen.length ? 0 : 1;
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** Why the mutation cannot be run on this project. */
function problemsOf(root: string, mutation: Mutation): string[] {
  const { name, file, tests } = mutation;
  const missing = [file, ...tests].filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0)
    return missing.map(
      (path) => `${name}: ${path} does not exist. Change its entry in server/test/mutations/mutations.ts.`,
    );
  const applied = applyMutation(readFileSync(join(root, file), 'utf8'), mutation);
  return applied.ok ? [] : [applied.problem];
}

/** Copies what Git tracks or would track into a temporary folder, which uses the packages of the project. */
function createCopy(root: string): string {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1_048_576,
  });
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-mutations-'));
  try {
    for (const path of new Set(listed.split('\0'))) {
      const stat = path === '' ? undefined : lstatSync(join(root, path), { throwIfNoEntry: false });
      // A deleted file is still listed, and an untracked repository is listed as a folder.
      if (stat === undefined || stat.isDirectory()) continue;
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      cpSync(join(root, path), join(folder, path), { verbatimSymlinks: true });
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    return folder;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Gives each folder the next item as soon as its last one is done. After an error no new item is begun. */
async function inFolders<Item>(
  folders: readonly string[],
  items: readonly Item[],
  work: (folder: string, item: Item) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const workers = folders.map(async (folder) => {
    try {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(folder, item);
    } catch (error) {
      waiting.length = 0;
      throw error;
    }
  });
  // The folders are removed next, so all workers must be done.
  for (const { status, reason } of (await Promise.allSettled(workers)) as PromiseRejectedResult[])
    if (status === 'rejected') throw reason;
}

async function runMutated(folder: string, mutation: Mutation, signal: AbortSignal): Promise<TestRun> {
  const path = join(folder, mutation.file);
  const source = readFileSync(path, 'utf8');
  const applied = applyMutation(source, mutation);
  if (!applied.ok) throw new Error(applied.problem);
  writeFileSync(path, applied.source);
  try {
    return await runTests(folder, mutation.tests, signal);
  } finally {
    writeFileSync(path, source);
  }
}

/** Runs test files from source, without a build. Rejects only when `signal` ends the run. */
async function runTests(folder: string, files: readonly string[], signal: AbortSignal): Promise<TestRun> {
  const results = join(folder, resultsPath);
  rmSync(results, { force: true });
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'server/test/mutations/vitest.config.ts',
    '--bail',
    '1',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${results}`,
    ...files,
  ];
  const run = await runQuietly(process.execPath, args, {
    cwd: folder,
    signal: AbortSignal.any([signal, AbortSignal.timeout(maxRunMs)]),
  }).then(
    (output) => ({ passed: true, output }),
    (error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof StepFailed) return { passed: false, output: error.output };
      return {
        passed: false,
        output: `The tests did not end within ${maxRunMs / 1_000} s: ${String(error)}`,
      };
    },
  );
  return { ...run, report: readReport(results) };
}

/** Null when Vitest wrote no report, because it ended early or could not start. */
function readReport(path: string): VitestReport | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as VitestReport) : null;
}
