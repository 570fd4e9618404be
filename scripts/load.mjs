/**
 * `npm run load [-- churn.yml]`: Artillery against `TARGET`, or against a cluster of our own where none answers and none was
 * named. `USERS` and `SECONDS` change the size. Ends with 0 only when every rule of the scenario held.
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importTypeScript } from './lib/import-typescript.mjs';
import { loadReport } from './lib/load-report.mjs';
import { refuseNode } from './lib/node-version.mjs';
import { interruptibly, prepare, projectRoot } from './lib/set-up.mjs';

const defaultPort = 8080;
const folder = join(projectRoot, 'load-tests');
/** Users arrive at this rate where `USERS` is given, over at most `maxArrivalSeconds`. */
const arrivalsPerSecond = 20;
const maxArrivalSeconds = 30;
/** Artillery ends by itself in less than this after a signal. */
const graceMs = 3_000;

try {
  process.exitCode = await interruptibly(load);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

/** @param {AbortSignal} signal */
async function load(signal) {
  const refusal = refuseNode(process.versions.node);
  if (refusal !== null) throw new Error(refusal);
  const scenario = process.argv[2] ?? 'subscribe.yml';
  if (!existsSync(join(folder, scenario))) {
    const scenarios = readdirSync(folder).filter((name) => name.endsWith('.yml'));
    throw new Error(`there is no scenario ${scenario}; there are ${scenarios.join(', ')}`);
  }
  const overrides = overridesOf({ users: positive('USERS'), seconds: positive('SECONDS') });
  await prepare({
    root: folder,
    build: false,
    signal,
    say: () => console.log('installing Artillery into load-tests (first run, about a minute)'),
  });

  await prepare({ build: false, signal });
  const named = process.env['TARGET']?.replace(/\/$/, '') ?? '';
  const target = named === '' ? `http://localhost:${defaultPort}` : named;
  /** @type {typeof import('../server/test/support/until.ts')} */
  const { answersOk } = await importTypeScript('server/test/support/until.ts');
  if (await answersOk(`${target}/health`)) return drive({ scenario, target, overrides, signal });
  if (named !== '') throw new Error(`nothing answers at ${target}/health`);
  console.log(`nothing answers at ${target}: starting a cluster for this run`);
  await prepare({ signal });
  /** @type {typeof import('../server/test/support/processes/start-cluster.ts')} */
  const { startCluster } = await importTypeScript('server/test/support/processes/start-cluster.ts');
  const cluster = await startCluster({
    port: defaultPort,
    env: { LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn' },
    signal,
  });
  try {
    return await drive({ scenario, target: cluster.url, overrides, signal });
  } finally {
    await cluster.stop();
  }
}

/**
 * Runs Artillery and prints what it found; resolves with the exit code.
 *
 * @param {{ scenario: string, target: string, overrides: object, signal: AbortSignal }} options
 */
async function drive({ scenario, target, overrides, signal }) {
  const results = await mkdtemp(join(tmpdir(), 'tickwire-load-'));
  const report = join(results, 'report.json');
  console.log(`${scenario} against ${target}`);
  /** @type {typeof import('../server/test/support/processes/start-child.ts')} */
  const { startChild } = await importTypeScript('server/test/support/processes/start-child.ts');
  try {
    const artillery = await startChild({
      name: 'artillery',
      command: process.execPath,
      args: [
        join(folder, 'node_modules/artillery/bin/run'),
        'run',
        scenario,
        '--quiet',
        `--target=${target}`,
        `--output=${report}`,
        `--overrides=${JSON.stringify(overrides)}`,
      ],
      cwd: folder,
      env: artilleryEnv(),
    });
    const onAbort = () => void artillery.end('SIGTERM', graceMs);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    const { code } = await artillery.ended;
    signal.throwIfAborted();

    if (!existsSync(report)) throw new Error(`Artillery wrote no report:\n${artillery.logs().join('\n')}`);
    const { aggregate } = JSON.parse(await readFile(report, 'utf8'));
    const checks = artillery.logs().filter((line) => /^(ok|fail): /.test(line));
    const broken = checks.filter((line) => line.startsWith('fail'));
    console.log([...loadReport(aggregate), ...broken.map((line) => `  ${line}`)].join('\n'));
    // Artillery ends with 0 where it has not looked at the rules.
    if (checks.length === 0) throw new Error(`Artillery checked none of the rules of ${scenario}`);
    return code === 0 && broken.length === 0 ? 0 : 1;
  } finally {
    await rm(results, { recursive: true, force: true });
  }
}

/**
 * Artillery sends an event home even where its telemetry is off, but not from what it takes for a worker in a cloud. The
 * processor's bundle is kept, so that a run that ends does not take it from another one.
 */
function artilleryEnv() {
  const { ARTILLERY_CLOUD_API_KEY: _key, WORKERS: _workers, ...env } = process.env;
  return {
    ...env,
    ARTILLERY_DISABLE_TELEMETRY: 'true',
    WORKER_ID: 'local',
    ARTILLERY_TS_KEEP_BUNDLE: 'true',
    FORCE_COLOR: '0',
  };
}

/** @param {{ users: number | null, seconds: number | null }} size */
function overridesOf({ users, seconds }) {
  const config = {
    ...(users === null ? {} : { phases: phasesOf(users) }),
    ...(seconds === null ? {} : { variables: { seconds } }),
  };
  return { config };
}

/** Exactly that many users: the same number in each second, after a first second with the rest. @param {number} users */
function phasesOf(users) {
  const seconds = Math.min(maxArrivalSeconds, Math.ceil(users / arrivalsPerSecond));
  const rest = users % seconds;
  return [...(rest > 0 ? [phaseOf(rest, 1)] : []), phaseOf(Math.floor(users / seconds), seconds)];
}

/** A rate in the form that subscribe.yml explains. @param {number} rate @param {number} duration */
function phaseOf(rate, duration) {
  return { duration, arrivalRate: rate, rampTo: rate };
}

/** @param {string} name @returns {number | null} */
function positive(name) {
  const text = process.env[name];
  if (text === undefined || text === '') return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0)
    throw new Error(`${name} must be a whole number above 0, not ${text}`);
  return value;
}
