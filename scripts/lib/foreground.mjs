/**
 * A program that a command ends up running: it has this terminal, gets our signals, and its end is ours. Knows nothing of
 * what the program does.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { endGroup } from './group.mjs';
import { guard } from './guard.mjs';

/** Long enough for tests to end what they started. */
const groupGraceMs = 8000;

/**
 * Resolves with the code that a shell expects: the program's own, or 128 and the number of the signal that ended it.
 *
 * With `ownGroup` the program runs in its own process group; the first signal ends all of that group, and what it leaves
 * behind at its end is ended too. Without, the program shares our group, so that Ctrl-C reaches it also from the terminal,
 * and every signal is passed on to it.
 *
 * A program that is not done after `withinMs` is ended as by a signal of ours; `onLate` fires before, with the program's number.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, ownGroup?: boolean, withinMs?: number | undefined, onLate?: (pid: number) => void }} options
 * @returns {Promise<number>}
 */
export async function runInForeground(
  command,
  args,
  { cwd, env = process.env, ownGroup = false, withinMs, onLate },
) {
  const child = spawn(command, args, { cwd, env, detached: ownGroup, stdio: 'inherit' });
  const onSignal = (/** @type {NodeJS.Signals} */ name) => {
    if (!ownGroup) child.kill(name);
    else if (child.pid !== undefined) void endGroup(child.pid, groupGraceMs);
  };
  const bound = withinMs === undefined ? undefined : setTimeout(end, withinMs);
  function end() {
    if (child.pid !== undefined) onLate?.(child.pid);
    onSignal('SIGTERM');
  }
  /** @type {NodeJS.Signals[]} */
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const name of names) process.on(name, onSignal);
  const release = child.pid === undefined ? () => {} : guard(child.pid);
  try {
    const code = await exitCode(child);
    if (ownGroup && child.pid !== undefined) await endGroup(child.pid, groupGraceMs);
    return code;
  } finally {
    clearTimeout(bound);
    release();
    for (const name of names) process.off(name, onSignal);
  }
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<number>}
 */
function exitCode(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, killedBy) => {
      resolve(code ?? (killedBy === null ? 1 : 128 + constants.signals[killedBy]));
    });
  });
}
