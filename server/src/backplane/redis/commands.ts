/**
 * Commands and scripts on their own link, each of which settles: with Redis's reply, or with `BackplaneUnavailable`
 * after a short deadline at the latest. Knows nothing of what the commands mean.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../support/clock.ts';
import { BackplaneUnavailable } from '../contract.ts';
import type { Link } from './link.ts';

/** A Lua script with the hash that Redis knows it by. */
export interface Script {
  lua: string;
  sha: string;
}

/** Names a script, once, when its module is loaded. */
export function defineScript(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/** How the other parts ask Redis; see the file's first lines. */
export interface Commands {
  /** Gives the reply of one command. */
  run(args: readonly string[]): Promise<unknown>;
  /** Runs by hash, and by its text where Redis does not know it: after a restart it has forgotten them all. */
  runScript(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

/** How long a command may take before its outcome counts as unknown. */
const commandDeadlineMs = 1_000;

/** While the link is down everything is refused at once. */
export function createCommands({ link, clock }: { link: Link; clock: Clock }): Commands {
  function run(args: readonly string[]): Promise<unknown> {
    const state = link.state();
    if (state.at !== 'up') {
      return Promise.reject(new BackplaneUnavailable(state.at === 'down' ? state.reason : 'closed'));
    }
    return new Promise((resolve, reject) => {
      const cancel = clock.after(commandDeadlineMs, () => {
        reject(new BackplaneUnavailable(`Redis did not answer within ${commandDeadlineMs} ms`));
      });
      void link.client
        .sendCommand(args)
        .then(resolve, (error: unknown) => {
          reject(new BackplaneUnavailable(`Redis refused: ${String(error)}`, { cause: error }));
        })
        .finally(cancel);
    });
  }

  async function runScript(
    { lua, sha }: Script,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await run(['EVALSHA', sha, ...rest]);
    } catch (error) {
      if (!(error instanceof Error && isUnknownScript(error.cause))) throw error;
      return run(['EVAL', lua, ...rest]);
    }
  }

  return { run, runScript };
}

/** Whether Redis did not run a script because it does not know its hash. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
