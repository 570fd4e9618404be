/**
 * `npm run test:compose`: the compose tests on a real Docker engine, which is started if none answers. At the end, also after a
 * failure, the project's containers, networks and image are removed, and an engine that was started here is stopped. Words after
 * `--` go to Vitest.
 */
import { randomBytes } from 'node:crypto';
import { runQuietly, StepFailed } from '../../../scripts/lib/group.mjs';
import { interruptibly, projectRoot, setUp } from '../../../scripts/lib/set-up.mjs';
import { findEngine, findImages } from './docker-engine.mjs';
import { runVitest } from './suite.mjs';

const images = ['node:24-alpine', 'redis:8-alpine', 'nginx:1.30-alpine'];
/** Images of the observability profile, by service. Their tests are skipped if the image is not available. */
const optionalImages = { prometheus: 'prom/prometheus:v3.5.0', grafana: 'grafana/grafana:12.3.1' };
const project = `tickwire-test-${randomBytes(4).toString('hex')}`;
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
 * The services whose image is here or could be pulled.
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
      say(`${image} is not available: the tests of ${service} are skipped`);
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
    const { code, passed, failed } = await runVitest({
      projects: ['compose'],
      // The tests tell one story: after a failed one, the others could only repeat it.
      given: ['--bail=1', ...process.argv.slice(2)],
      env: { COMPOSE_PROJECT_NAME: project, COMPOSE_TEST_SERVICES: services.join(' ') },
    });
    signal.throwIfAborted();
    say(`${passed} passed, ${failed} failed`);
    return code === 0 && failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    await removeProject();
  }
}

/** Removes what a failed or interrupted test left, and the image. */
async function removeProject() {
  const ours = `label=com.docker.compose.project=${project}`;
  const left = await runQuietly('docker', ['container', 'ls', '--all', '--quiet', '--filter', ours]);
  const ids = left.split('\n').filter((id) => id !== '');
  if (ids.length > 0) await runQuietly('docker', ['rm', '--force', '--volumes', ...ids]);
  await runQuietly('docker', ['compose', '--project-name', project, 'down', '--volumes', '--rmi', 'local'], {
    cwd: projectRoot,
  });
}
