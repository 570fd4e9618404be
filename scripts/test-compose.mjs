/**
 * `npm run test:compose`: the compose tests on a true Docker engine, which is started where none answers. Whatever happens,
 * the project's containers, networks and image go, and so does an engine that was started here. What follows `--` goes to
 * Vitest.
 */
import { randomBytes } from 'node:crypto';
import { findEngine, findImages } from './lib/docker-engine.mjs';
import { runQuietly, StepFailed } from './lib/group.mjs';
import { interruptibly, projectRoot, setUp } from './lib/set-up.mjs';
import { runVitest } from './lib/test-run.mjs';

const images = ['node:24-alpine', 'redis:8-alpine', 'nginx:1.30-alpine'];
/** Of the observability profile, by service: its tests are skipped where they cannot be had. */
const optionalImages = { prometheus: 'prom/prometheus:v3.5.0', grafana: 'grafana/grafana:12.3.1' };
const project = `tickwire-test-${randomBytes(4).toString('hex')}`;
const config = 'server/test/compose/vitest.config.ts';
const say = console.log;

await setUp({ build: false });
process.exitCode = await interruptibly(async (signal) => {
  const stopEngine = await findEngine({ say, signal });
  try {
    await findImages(images, { say, signal });
    return await runTests(await optionalServices(signal), signal);
  } finally {
    await stopEngine();
  }
});

/**
 * Those whose image is here, or could be pulled.
 *
 * @param {AbortSignal} signal
 */
async function optionalServices(signal) {
  /** @type {string[]} */
  const found = [];
  for (const [service, image] of Object.entries(optionalImages)) {
    try {
      await findImages([image], { say, signal });
      found.push(service);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StepFailed)) throw error;
      say(`${image} cannot be had: the tests of ${service} are skipped`);
    }
  }
  return found;
}

/**
 * @param {readonly string[]} services
 * @param {AbortSignal} signal
 */
async function runTests(services, signal) {
  try {
    const given = process.argv.slice(2);
    const env = { COMPOSE_PROJECT_NAME: project, COMPOSE_TEST_SERVICES: services.join(' ') };
    const { code, passed, failed } = await runVitest({ given, config, env });
    signal.throwIfAborted();
    say(`${passed} passed, ${failed} failed`);
    return code === 0 && failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    await removeProject();
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
