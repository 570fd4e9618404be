/** Imports TypeScript of this project into a command, which Node 20 cannot do itself. Call it after the set-up has installed Vite. */
import { projectRoot } from './set-up.mjs';

/**
 * The module at `path`, which is relative to the project's folder.
 *
 * @template T
 * @param {string} path
 * @returns {Promise<T>}
 */
export async function importTypeScript(path) {
  const { runnerImport } = await import('vite');
  const nodeEnv = process.env['NODE_ENV'];
  const { module } = await runnerImport(path, { configFile: false, root: projectRoot });
  // Vite sets NODE_ENV when it is not set. The programs that the command starts must not see that.
  if (nodeEnv === undefined) delete process.env['NODE_ENV'];
  return module;
}
