/**
 * `npm run test:compose`: the compose tests on a true Docker engine, which is started where none answers. Whatever happens,
 * the project's containers, networks and image go, and so does an engine that was started here. What follows `--` goes to
 * Vitest.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from './lib/child.mjs';
import { findEngine, findImages } from './lib/docker-engine.mjs';
import { runQuietly } from './lib/group.mjs';
import { interruptibly, projectRoot, setUp } from './lib/set-up.mjs';

const images = ['node:24-alpine', 'redis:8-alpine', 'nginx:1.30-alpine'];
const project = `tickwire-test-${randomBytes(4).toString('hex')}`;
const config = 'server/test/compose/vitest.config.ts';
const say = console.log;

await setUp({ build: false });
process.exitCode = await interruptibly(async (signal) => {
  const stopEngine = await findEngine({ say, signal });
  try {
    await findImages(images, { say, signal });
    return await runTests(signal);
  } finally {
    await stopEngine();
  }
});

/** @param {AbortSignal} signal */
async function runTests(signal) {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-compose-'));
  const given = process.argv.slice(2);
  const named = given.find((argument) => argument.startsWith('--outputFile.json='))?.split('=')[1];
  const results = named ?? join(folder, 'results.json');
  const reporters = given.some((argument) => argument.startsWith('--reporter'))
    ? []
    : ['--reporter=default', '--reporter=json'];
  const output = named === undefined ? [`--outputFile.json=${results}`] : [];
  try {
    const vitest = await startChild({
      name: 'Vitest',
      command: process.execPath,
      args: ['node_modules/vitest/vitest.mjs', 'run', '--config', config, ...reporters, ...output, ...given],
      cwd: projectRoot,
      env: { ...process.env, COMPOSE_PROJECT_NAME: project },
      onLine: say,
    });
    const onAbort = () => void vitest.kill('SIGKILL');
    signal.addEventListener('abort', onAbort);
    const { code } = await vitest.ended;
    signal.throwIfAborted();
    const { passed, failed } = counts(results);
    say(`${passed} passed, ${failed} failed`);
    return code === 0 && failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    await removeProject();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The last resort after a failed or interrupted test; after good ones only the image is left. */
async function removeProject() {
  const ours = `label=com.docker.compose.project=${project}`;
  const left = await runQuietly('docker', ['container', 'ls', '--all', '--quiet', '--filter', ours]);
  const ids = left.split('\n').filter((id) => id !== '');
  if (ids.length > 0) await runQuietly('docker', ['rm', '--force', '--volumes', ...ids]);
  await runQuietly('docker', ['compose', '--project-name', project, 'down', '--volumes', '--rmi', 'local'], {
    cwd: projectRoot,
  });
}

/**
 * What the results file says; a file that is missing or broken is one failure.
 *
 * @param {string} path
 * @returns {{ passed: number, failed: number }}
 */
function counts(path) {
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(path, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests || numFailedTestSuites };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
