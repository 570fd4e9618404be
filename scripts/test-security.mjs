/**
 * `npm run test:security [-- PART...]`: the set-up, the programs that the tests need, then every row of the catalogue of bad input
 * against true processes, part by part, and a count per group. A part is a file of server/test/security; one that is not done in time
 * is ended with a word about what its processes did, and the others go on. Flags that follow `--` go to Vitest.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countByGroup, countTests, readResults } from './lib/ci-results.mjs';
import { describeDescendants } from './lib/descendants.mjs';
import { projectRoot } from './lib/set-up.mjs';
import { resultsWanted, runVitest, setUpWithPrograms } from './lib/test-run.mjs';

const tests = 'server/test/security';
const config = `${tests}/vitest.config.ts`;
/** Several times what the longest part takes on a machine with two processors. */
const partWithinMs = 180_000;

const given = process.argv.slice(2);
const parts = readdirSync(join(projectRoot, tests)).filter((name) => name.endsWith('.test.ts'));
const named = parts.filter((part) => given.some((word) => join(tests, part).includes(word)));
const flags = given.filter((word) => word.startsWith('-') && !word.startsWith('--outputFile.json='));

let isInterrupted = false;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => void (isInterrupted = true));

await setUpWithPrograms('The tests need');
const folder = mkdtempSync(join(tmpdir(), 'tickwire-security-'));
const all = resultsWanted(given) ?? join(folder, 'all.json');
try {
  /** @type {import('./lib/ci-results.mjs').FileResults[]} */
  const testResults = [];
  for (const part of named.length > 0 ? named : parts) if (!isInterrupted) testResults.push(await run(part));
  writeFileSync(all, JSON.stringify({ testResults }));
  for (const { group, passed, total } of countByGroup(all)) console.log(`${group}: ${passed} of ${total}`);
  const { passed, failed } = countTests(all);
  console.log(`${passed} passed, ${failed} failed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Resolves with what Vitest found in that file; leaves an exit code other than 0 where that is not all good.
 *
 * @param {string} part
 */
async function run(part) {
  const results = join(folder, `${part}.json`);
  const { code } = await runVitest({
    given: [
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${results}`,
      ...flags,
      join(tests, part),
    ],
    config,
    bound: { withinMs: partWithinMs, onLate: (pid) => tellLate(part, pid) },
  });
  process.exitCode ||= code;
  const [found] = readResults(results);
  return found ?? { name: join(projectRoot, tests, part), status: 'failed', assertionResults: [] };
}

/**
 * @param {string} part
 * @param {number} pid Of Vitest.
 */
function tellLate(part, pid) {
  console.error(`${part} is not done after ${partWithinMs / 1_000} s, and is ended. Its processes:`);
  for (const line of describeDescendants(pid)) console.error(`  ${line}`);
}
