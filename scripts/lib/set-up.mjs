/**
 * The set-up that every command begins with: dependencies, then the build, each only where it is missing or older than what
 * it is made from. Safe when two run at once (they take turns), when one is interrupted (the next repairs), and ends
 * everything that it started. Knows nothing of what is run afterwards.
 */
import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  buildStampPath,
  buildState,
  dependenciesFresh,
  installedLockPath,
  sourcesDigest,
  writeStamp,
} from './freshness.mjs';
import { runQuietly, StepFailed } from './group.mjs';
import { takeLock } from './lock.mjs';
import { refuseNode } from './node-version.mjs';

/** The project's folder, with a slash at its end. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @typedef {object} SetUpOptions
 * @property {(line: string) => void} [say] Gets one line before each step that takes time, and none where nothing is to do.
 * @property {boolean} [build] False leaves out the build; by default it is made.
 * @property {string} [root] By default this project's.
 * @property {AbortSignal} [signal] Ends the running step, with every process of it, and rejects with its reason.
 */

/**
 * What a command awaits first: `await setUp()`. While it runs it takes the signals: the first one ends every process of the
 * step and then this process, with the code that a shell expects. A step that fails ends this process with 1, after the
 * step's own output.
 *
 * @param {Pick<SetUpOptions, 'say' | 'build'>} [options]
 */
export async function setUp(options = {}) {
  const refusal = refuseNode(process.versions.node);
  if (refusal !== null) exitWith(refusal);
  await interruptibly((signal) => prepare({ ...options, signal }));
}

/**
 * Runs steps that end with this process: on SIGINT, SIGTERM or SIGHUP the signal is aborted, and when the steps have ended
 * the process exits with 128 and the signal's number. A `StepFailed` shows its output and exits with 1.
 *
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} steps
 * @returns {Promise<T>}
 */
export async function interruptibly(steps) {
  const abort = new AbortController();
  /** @type {NodeJS.Signals[]} */
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  let exitCode = 1;
  const onSignal = (/** @type {NodeJS.Signals} */ name) => {
    if (!abort.signal.aborted) exitCode = 128 + constants.signals[name];
    abort.abort();
  };
  for (const name of names) process.on(name, onSignal);
  try {
    return await steps(abort.signal);
  } catch (error) {
    if (abort.signal.aborted) return process.exit(exitCode);
    if (!(error instanceof StepFailed)) throw error;
    return exitWith(`${error.output.trimEnd()}\n${error.message}`);
  } finally {
    for (const name of names) process.off(name, onSignal);
  }
}

/**
 * @param {string} reason
 * @returns {never}
 */
function exitWith(reason) {
  console.error(reason);
  process.exit(1);
}

/**
 * The same without taking signals or ending the process: rejects with `StepFailed`, or with the signal's reason.
 *
 * @param {SetUpOptions} [options]
 */
export async function prepare({ say = console.log, build = true, root = projectRoot, signal } = {}) {
  const ready = () => dependenciesFresh(root) && (!build || buildState(root) === 'fresh');
  if (ready()) return;
  const release = await takeLock(join(root, '.work/set-up.lock'), {
    ...(signal === undefined ? {} : { signal }),
    onWait: (owner) => say(`waiting for another set-up here (process ${owner})`),
  });
  try {
    if (!dependenciesFresh(root)) await install({ say, root, signal });
    if (build && buildState(root) !== 'fresh') await makeBuild({ say, root, signal });
  } finally {
    release();
  }
}

/** @typedef {{ say: (line: string) => void, root: string, signal: AbortSignal | undefined }} Step */

/** @param {Step} step */
async function install({ say, root, signal }) {
  say('installing dependencies (first start, about half a minute)');
  // Without this file an interrupted removal or installation cannot be taken for a finished one.
  rmSync(join(root, installedLockPath), { force: true });
  // Artillery would fetch three browsers that nobody uses.
  const env = { ...process.env, PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' };
  await runQuietly('npm', ['ci', '--include=dev'], { cwd: root, env, signal });
}

/** @param {Step} step */
async function makeBuild({ say, root, signal }) {
  say('building');
  const madeFrom = sourcesDigest(root);
  const force = buildState(root) === 'unknown' ? ['--force'] : [];
  rmSync(join(root, buildStampPath), { force: true });
  const bin = join(root, 'node_modules/.bin');
  // Vite builds for development where NODE_ENV says so.
  const env = { ...process.env, NODE_ENV: 'production' };
  await runQuietly(join(bin, 'tsc'), ['-b', 'server/src', ...force], { cwd: root, env, signal });
  await runQuietly(join(bin, 'vite'), ['build', '--config', 'client/vite.config.ts'], {
    cwd: root,
    env,
    signal,
  });
  writeStamp(root, madeFrom);
}
