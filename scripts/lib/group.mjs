/**
 * Programs in a process group of their own, so that whatever they start in turn can be ended with them. Knows nothing of
 * what the programs do.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { guard } from './guard.mjs';

/** npm rolls back for ten seconds after a TERM, for nothing: the next `npm ci` begins anew. */
const stepGraceMs = 1000;
/** What a program wrote is kept up to this many characters, the last ones. */
const maxOutput = 64_000;
const pollMs = 20;

/** A program ended with a code other than 0, or could not be started. `output` is what it wrote. */
export class StepFailed extends Error {
  /** @override */
  name = 'StepFailed';

  /**
   * @param {string} message
   * @param {string} output
   * @param {ErrorOptions} [options]
   */
  constructor(message, output, options) {
    super(message, options);
    this.output = output;
  }
}

/**
 * Runs a program in its own group with its output held back; resolves with the output when it ended with 0.
 * Rejects with `StepFailed`, or after an abort with the signal's reason, once the whole group has ended.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {AbortSignal | undefined} [options.signal]
 * @param {number} [options.graceMs] From TERM to KILL, after an abort.
 * @returns {Promise<string>}
 */
export async function runQuietly(
  command,
  args,
  { cwd, env = process.env, signal, graceMs = stepGraceMs } = {},
) {
  signal?.throwIfAborted();
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (/** @type {string} */ text) => {
      output = (output + text).slice(-maxOutput);
    });
  }
  const release = child.pid === undefined ? () => {} : guard(child.pid);
  const line = `${command} ${args.join(' ')}`;
  try {
    const [code, killedBy] = await once(child, 'close', { signal });
    if (code === 0) return output;
    throw new StepFailed(`${line} ended with ${killedBy ?? `code ${code}`}`, output);
  } catch (error) {
    if (child.pid === undefined) {
      throw new StepFailed(`${line} could not be started`, String(error), { cause: error });
    }
    const reaped = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null;
    await endGroup(child.pid, graceMs);
    await reaped;
    signal?.throwIfAborted();
    throw error;
  } finally {
    release();
  }
}

/**
 * Ends every process of a group: TERM, and KILL for what is left after `graceMs`. Resolves when none is left, at
 * the latest a second after the KILL.
 *
 * @param {number} group
 * @param {number} graceMs
 */
export async function endGroup(group, graceMs) {
  if (!signalGroup(group, 'SIGTERM') || (await emptied(group, graceMs))) return;
  signalGroup(group, 'SIGKILL');
  await emptied(group, 1000);
}

/**
 * False where the group has no process left that could take a signal.
 *
 * @param {number} group
 * @param {NodeJS.Signals | 0} signal
 */
function signalGroup(group, signal) {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

/**
 * @param {number} group
 * @param {number} withinMs
 */
async function emptied(group, withinMs) {
  const deadline = performance.now() + withinMs;
  while (signalGroup(group, 0) && hasLiving(group)) {
    if (performance.now() > deadline) return false;
    await delay(pollMs);
  }
  return true;
}

/**
 * False where only zombies are left of a group. An orphan that ended stays one for as long as the first process of the machine
 * does not reap it, which in a container may be for ever. Without /proc it is true.
 *
 * @param {number} group
 */
function hasLiving(group) {
  if (!existsSync('/proc/self/stat')) return true;
  return readdirSync('/proc').some((name) => {
    const [state, , itsGroup] = /^\d/.test(name) ? readStat(name) : [];
    return Number(itsGroup) === group && state !== 'Z' && state !== 'X';
  });
}

/**
 * State, parent, group and so on; nothing for a process that is gone.
 *
 * @param {string} pid
 */
export function readStat(pid) {
  try {
    // The name before the last bracket may hold spaces and brackets.
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return [];
  }
}
