/** The settings of a command that people start: what the server will read, and a quieter log. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import util from 'node:util';

/**
 * `.env` and `.env.<NODE_ENV>` of the folder, below the environment itself, as the server reads them. Where none of them says
 * otherwise the log begins at warn: people want the address, not a log of every connection.
 *
 * @param {string} folder
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function readSettings(folder, env) {
  const names = ['.env', ...(env['NODE_ENV'] ? [`.env.${env['NODE_ENV']}`] : [])];
  const files = names.map((name) => join(folder, name)).filter((file) => existsSync(file));
  return Object.assign(
    { LOG_LEVEL: 'warn' },
    ...files.map((file) => util.parseEnv(readFileSync(file, 'utf8'))),
    env,
  );
}
