/**
 * A Docker engine with Compose and the base images for the compose tests: the machine's own, or one from two optional programs
 * on the PATH. `docker-up` starts an engine (`docker-up stop` ends it); `base-images NAME...` makes images without a registry.
 */
import { runQuietly, StepFailed } from '../../../scripts/lib/group.mjs';
import { missingPrograms, searchPath } from './system-programs.mjs';

/**
 * @typedef {object} EngineOptions
 * @property {(line: string) => void} say Gets one line before each step that takes time.
 * @property {AbortSignal} [signal]
 */

/**
 * Finds an engine, or starts one by the tool; resolves with what ends it again, which is nothing for one that was there.
 * Rejects with a `StepFailed` that says what is missing.
 *
 * @param {EngineOptions} options
 * @returns {Promise<() => Promise<void>>}
 */
export async function findEngine({ say, signal }) {
  const engine = await succeeds('docker', ['version'], signal);
  if (engine && (await succeeds('docker', ['compose', 'version'], signal))) return async () => {};
  const tool = toolAt('docker-up');
  if (tool === null) {
    const lacks = engine ? 'Docker here has no Compose (`docker compose`)' : 'no Docker engine answers here';
    throw new StepFailed(`${lacks}: install or start Docker Engine 25 or newer with Compose`, '');
  }
  say('starting a Docker engine');
  const stop = async () => void (await runQuietly(tool, ['stop']));
  try {
    await runQuietly(tool, [], { signal });
  } catch (error) {
    if (!engine) await stop();
    throw error;
  }
  return engine ? async () => {} : stop;
}

/**
 * Makes sure of each image: there already, pulled, or made by the tool. Rejects with a `StepFailed`.
 *
 * @param {readonly string[]} images
 * @param {EngineOptions} options
 */
export async function findImages(images, { say, signal }) {
  /** @type {string[]} */
  const missing = [];
  let said = '';
  for (const image of images) {
    if (await succeeds('docker', ['image', 'inspect', image], signal)) continue;
    say(`pulling ${image}`);
    try {
      await runQuietly('docker', ['pull', '--quiet', image], { signal });
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      said = error.output;
      missing.push(image);
    }
  }
  if (missing.length === 0) return;
  const tool = toolAt('base-images');
  if (tool === null) throw new StepFailed(`these images could not be pulled: ${missing.join(', ')}`, said);
  say(`no registry can be reached: making ${missing.join(', ')} here`);
  await runQuietly(tool, missing, { signal });
}

/** The name if the PATH has that program. @param {string} program */
function toolAt(program) {
  return missingPrograms([{ program }], searchPath(process.env)).length === 0 ? program : null;
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {AbortSignal | undefined} signal
 */
async function succeeds(command, args, signal) {
  try {
    await runQuietly(command, args, { signal });
    return true;
  } catch (error) {
    if (error instanceof StepFailed) return false;
    throw error;
  }
}
