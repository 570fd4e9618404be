/**
 * `npm run status [-- --url http://localhost:8080]`: how a running cluster is, as tables for people or with `--json` for scripts. Ends
 * with 0 when all is well, with 1 when something is wrong, and with 2 when it could not ask, or tell. Needs nothing installed.
 */
import { askCluster, CannotAsk } from './lib/status-call.mjs';
import { parseStatusArguments, statusUsage } from './lib/status-arguments.mjs';
import { problemsOf } from './lib/status-problems.mjs';
import { statusText } from './lib/status-text.mjs';

// Whoever writes is told; without a listener it would end this process.
process.stdout.on('error', () => {});
process.exitCode = await main();

/** Gives the exit code. */
async function main() {
  const parsed = parseStatusArguments(process.argv.slice(2), process.env);
  if (!parsed.ok) {
    console.error(`${parsed.why}\n\n${statusUsage}`);
    return 2;
  }
  if (parsed.options.help) {
    console.log(statusUsage);
    return 0;
  }
  const { url, key, minNodes, json } = parsed.options;
  try {
    const status = await askCluster({ url, key });
    const problems = problemsOf(status, { minNodes });
    const isPlain = !process.stdout.isTTY || (process.env['NO_COLOR'] ?? '') !== '';
    const told = await say(
      json
        ? JSON.stringify({ ok: problems.length === 0, problems, ...status }, null, 2)
        : statusText(status, problems, { styled: !isPlain }),
    );
    if (!told) return 2;
    return problems.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof CannotAsk)) throw error;
    if (json) await say(JSON.stringify({ ok: false, error: error.message }, null, 2));
    else console.error(error.message);
    return 2;
  }
}

/**
 * Writes a text and a newline. False, with a word about it, where that failed; who reads no further has what they wanted.
 *
 * @param {string} text
 * @returns {Promise<boolean>}
 */
async function say(text) {
  /** @type {NodeJS.ErrnoException | null | undefined} */
  const error = await new Promise((resolve) => process.stdout.write(`${text}\n`, resolve));
  if (!error || error.code === 'EPIPE') return true;
  console.error(`what was found cannot be written: ${error.message}`);
  return false;
}
