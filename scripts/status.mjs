/**
 * `npm run status [-- --url http://localhost:8080]`: how a running cluster is, as tables for people or with `--json` for scripts. Ends
 * with 0 when all is well, with 1 when something is wrong, and with 2 when it could not ask. Needs nothing installed.
 */
import { askCluster, CannotAsk } from './lib/status-call.mjs';
import { parseStatusArguments, statusUsage } from './lib/status-arguments.mjs';
import { problemsOf } from './lib/status-problems.mjs';
import { statusText } from './lib/status-text.mjs';

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
    console.log(
      json
        ? JSON.stringify({ ok: problems.length === 0, problems, ...status }, null, 2)
        : statusText(status, problems, { styled: !isPlain }),
    );
    return problems.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof CannotAsk)) throw error;
    if (json) console.log(JSON.stringify({ ok: false, error: error.message }, null, 2));
    else console.error(error.message);
    return 2;
  }
}
