/**
 * `npm run test:all`: the check, `npm test` and all other tests, one after another, each also after a failed one. Prints the time of
 * each step; the last line is `N passed, N failed`, and the exit code is 1 if anything failed. CI runs this.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInForeground } from '../../../scripts/lib/foreground.mjs';
import { projectRoot, setUp } from '../../../scripts/lib/set-up.mjs';
import { summarise } from './results.mjs';
import { temporaryFolder } from './suite.mjs';

/** The Node of the image, the second one that is tested. */
const imageNode = /^FROM node:(\d+)/m.exec(readFileSync(join(projectRoot, 'server/Dockerfile'), 'utf8'))?.[1];
if (imageNode === undefined) throw new Error('server/Dockerfile names no Node version');

/**
 * In their order: a name, the most minutes it may take, and its command.
 *
 * @type {readonly { name: string, minutes: number, command: readonly string[], hasTests?: false }[]}
 */
const steps = [
  { name: 'check', minutes: 5, command: ['npm', 'run', 'check', '--'] },
  { name: 'test', minutes: 12, command: ['npm', 'test', '--'] },
  { name: 'node', minutes: 8, command: ['npm', 'run', 'test:node', '--', imageNode] },
  { name: 'mutations', minutes: 5, command: ['npm', 'run', 'test:mutations'], hasTests: false },
  { name: 'security', minutes: 6, command: ['npm', 'run', 'test:security', '--'] },
  { name: 'faults', minutes: 18, command: ['npm', 'run', 'test:faults', '--'] },
  {
    name: 'chaos',
    minutes: 5,
    command: ['npm', 'run', 'test:chaos', '--', '--seed', '7', '--seconds', '60', '--'],
  },
  { name: 'load', minutes: 5, command: ['npm', 'run', 'test:load', '--'] },
  { name: 'compose', minutes: 8, command: ['npm', 'run', 'test:compose', '--'] },
  // A missed goal does not fail here, because the machine of CI is shared. A missing or repeated tick does.
  {
    name: 'bench',
    minutes: 6,
    command: ['sh', '-c', 'npm run bench -- --quick stage; [ $? -le 1 ]'],
    hasTests: false,
  },
];

let isInterrupted = false;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => void (isInterrupted = true));

await setUp();
const folder = temporaryFolder();
/** @type {{ name: string, code: number, results: string, seconds: number }[]} */
const ran = [];
for (const { name, minutes, command, hasTests = true } of steps) {
  if (isInterrupted) break;
  console.log(`\n--- ${name}: ${command.join(' ')}`);
  const began = performance.now();
  const results = join(folder, `${name}.json`);
  const [program = '', ...args] = hasTests
    ? [...command, '--reporter=default', '--reporter=json', `--outputFile.json=${results}`]
    : command;
  const code = await runInForeground(program, args, {
    cwd: projectRoot,
    ownGroup: true,
    withinMs: minutes * 60_000,
    onLate: () => console.error(`--- ${name} is not done after ${minutes} minutes and is ended`),
  });
  ran.push({ name, code, results, seconds: Math.round((performance.now() - began) / 1_000) });
}

console.log();
for (const { name, code, seconds } of ran) console.log(`${name}: exit code ${code}, ${seconds} s`);
const { passed, failures } = summarise(ran);
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 && ran.length === steps.length ? 0 : 1;
