/**
 * Programs that the tests need and npm does not have. apt installs them if it can; otherwise the caller names them.
 */
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runQuietly } from '../../../scripts/lib/group.mjs';

/** What every test command needs, with Debian packages. `wsdump` stands for a WebSocket library in Python. */
export const testPrograms = [
  { program: 'redis-server', debianPackage: 'redis-server' },
  { program: 'nginx', debianPackage: 'nginx' },
  { program: 'chromium', debianPackage: 'chromium' },
  { program: 'wsdump', debianPackage: 'python3-websocket' },
];

/** What `npm run test:faults` needs besides: slow HTTP clients, and Prometheus with the checker of its rules. */
export const faultPrograms = [
  { program: 'slowhttptest', debianPackage: 'slowhttptest' },
  { program: 'promtool', debianPackage: 'prometheus' },
  { program: 'prometheus', debianPackage: 'prometheus' },
];

/** From TERM to KILL: a package that is half unpacked is worse than a wait. */
const aptGraceMs = 15_000;
const policy =
  '#!/bin/sh\n# Put here by the set-up of Tickwire, only while it installs: no service is to be started.\nexit 101\n';

/**
 * PATH with the folders of system programs, which people's own PATH often lacks on Debian (and dpkg refuses to work without).
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function searchPath(env) {
  return [...(env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'].filter((folder) => folder !== '');
}

/**
 * Those that no folder of the search path has.
 *
 * @template {{ program: string }} P
 * @param {readonly P[]} programs
 * @param {readonly string[]} folders
 * @returns {P[]}
 */
export function missingPrograms(programs, folders) {
  return programs.filter(({ program }) => !folders.some((folder) => executable(join(folder, program))));
}

/**
 * Installs what is missing with apt, after one line that says so. Resolves with what is missing still: all of it where apt
 * or the right to use it is not there. Rejects with `StepFailed` where apt fails.
 *
 * @param {typeof testPrograms} programs
 * @param {object} options
 * @param {(line: string) => void} options.say
 * @param {NodeJS.ProcessEnv} options.env
 * @param {boolean} [options.asRoot]
 * @param {string} [options.policyPath] What Debian asks before it starts a service.
 * @param {AbortSignal} [options.signal]
 */
export async function installPrograms(
  programs,
  { say, env, asRoot = process.getuid?.() === 0, policyPath = '/usr/sbin/policy-rc.d', signal },
) {
  const folders = searchPath(env);
  const missing = missingPrograms(programs, folders);
  const apt = missingPrograms([{ program: 'apt-get' }], folders).length === 0;
  if (missing.length === 0 || !apt || !asRoot) return missing;
  const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
  say(`installing ${packages.join(', ')} with apt (for the tests)`);
  const options = {
    graceMs: aptGraceMs,
    env: { ...env, PATH: folders.join(delimiter), DEBIAN_FRONTEND: 'noninteractive' },
    ...(signal === undefined ? {} : { signal }),
  };
  const patiently = ['-o', 'DPkg::Lock::Timeout=120', '-y'];
  const allowServices = forbidServices(policyPath);
  try {
    // An installation that was interrupted earlier has to be finished first.
    await runQuietly('dpkg', ['--configure', '-a'], options);
    await runQuietly('apt-get', [...patiently, 'update'], options);
    await runQuietly('apt-get', [...patiently, 'install', '--no-install-recommends', ...packages], options);
  } finally {
    allowServices();
  }
  return missingPrograms(programs, folders);
}

/**
 * Debian starts a service when it is installed; this keeps it from that until the returned function is called.
 *
 * @param {string} policyPath
 */
function forbidServices(policyPath) {
  // One of ours is there where an earlier set-up was killed; anybody else's decides for itself.
  if (existsSync(policyPath) && readFileSync(policyPath, 'utf8') !== policy) return () => {};
  writeFileSync(policyPath, policy, { mode: 0o755 });
  return () => rmSync(policyPath, { force: true });
}

/** @param {string} path */
function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
