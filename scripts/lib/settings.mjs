/** The settings of a command that people start: what the server will read, and a quieter log. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import util from 'node:util';
import { projectRoot } from './set-up.mjs';

/**
 * `.env` and `.env.<NODE_ENV>` of the folder, below the environment itself, as the server reads them. Where none of them says
 * otherwise the log begins at warn: people want the address, not a log of every connection. A file that cannot be read ends
 * this process with 1, after a line that says so.
 *
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function readSettings(folder, env) {
  const names = ['.env', ...(env['NODE_ENV'] ? [`.env.${env['NODE_ENV']}`] : [])];
  const present = names.filter((name) => existsSync(join(folder, name)));
  const layers = [...present.map((name) => readEnvFile(folder, name)), env];
  // An empty one is not set, for the server too, which would fall back on another level than ours.
  const level = layers.findLast((layer) => layer['LOG_LEVEL'])?.['LOG_LEVEL'] ?? 'warn';
  return Object.assign({}, ...layers, { LOG_LEVEL: level });
}

/**
 * Where the certificate of TLS is: `CERTS_DIR`, or `certs` in the project's folder, where Compose looks too.
 *
 * @param {NodeJS.ProcessEnv} settings
 */
export function certsFolder(settings) {
  return resolve(projectRoot, settings['CERTS_DIR']?.trim() || 'certs');
}

/**
 * @param {string} folder
 * @param {string} name
 * @returns {NodeJS.ProcessEnv}
 */
function readEnvFile(folder, name) {
  try {
    return util.parseEnv(readFileSync(join(folder, name), 'utf8'));
  } catch (error) {
    console.error(`Tickwire cannot start: ${name} cannot be read (${reason(error)})`);
    return process.exit(1);
  }
}

/** @param {unknown} error */
function reason(error) {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === 'EISDIR' ? 'it is a folder' : String(code ?? error);
}
