/**
 * Commands and scripts on their own link, each of which settles: with Redis's reply, or with `BackplaneUnavailable`
 * after a short deadline at the latest. Knows nothing of what the commands mean.
 */
import { createHash } from 'node:crypto';
import { RESP_TYPES } from 'redis';
import type { Clock } from '../../support/clock.ts';
import { BackplaneUnavailable } from '../contract.ts';
import type { Link } from './link.ts';
import { isNotPrimary } from './safe-server.ts';

/** How the other parts ask Redis; see the file's first lines. */
export type Commands = ReturnType<typeof createCommands>;

type Arguments = readonly (string | Buffer)[];

/** Texts of the reply are strings, or buffers if `asBuffers`. */
interface ReplyOptions {
  asBuffers?: boolean;
}

const buffers = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/** The link that commands go over. */
export interface CommandsOptions {
  link: Link;
  clock: Clock;
  /** Fires with each command that the server refuses because it is not the primary. */
  onNotPrimary: () => void;
}

/** How long a command may take before its outcome counts as unknown. */
const commandDeadlineMs = 1_000;

/** While the link is down everything is refused at once. */
export function createCommands({ link, clock, onNotPrimary }: CommandsOptions) {
  /** Gives the reply of one command. */
  function run(args: Arguments, { asBuffers = false }: ReplyOptions = {}): Promise<unknown> {
    const state = link.state();
    if (state.at !== 'up') {
      return Promise.reject(new BackplaneUnavailable(state.at === 'down' ? state.reason : 'closed'));
    }
    return new Promise((resolve, reject) => {
      const cancel = clock.after(commandDeadlineMs, () => {
        reject(new BackplaneUnavailable(`Redis did not answer within ${commandDeadlineMs} ms`));
      });
      void link.client
        .sendCommand(args, asBuffers ? buffers : undefined)
        .then(resolve, (error: unknown) => {
          if (isNotPrimary(error)) onNotPrimary();
          reject(new BackplaneUnavailable(`Redis refused: ${String(error)}`, { cause: error }));
        })
        .finally(cancel);
    });
  }

  /** By its text. The scripts are those of this program: a few. */
  const hashes = new Map<string, string>();

  function hashOf(script: string): string {
    const hash = hashes.get(script) ?? createHash('sha1').update(script).digest('hex');
    hashes.set(script, hash);
    return hash;
  }

  /** Runs a Lua script by its hash, and by its text if Redis does not know it: after a restart Redis has forgotten all scripts. */
  async function runScript(
    script: string,
    keys: readonly string[],
    args: Arguments,
    options?: ReplyOptions,
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await run(['EVALSHA', hashOf(script), ...rest], options);
    } catch (error) {
      if (!(error instanceof Error && isUnknownScript(error.cause))) throw error;
      return run(['EVAL', script, ...rest], options);
    }
  }

  return { run, runScript };
}

/** Whether Redis did not run a script because it does not know its hash. */
function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
