/** The README and its examples, for the tests that run them. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { startChild, type Child } from '../support/processes/start-child.ts';
import { until } from '../support/until.ts';

export const root = join(import.meta.dirname, '../../..');
export const readme = await readFile(join(root, 'README.md'), 'utf8');
/** The only code block of that language that contains the text. */
export function example(language: string, containing: string): string {
  const blocks = [...readme.matchAll(/```(\w+)\n(.*?)```/gs)].filter(
    ([, name, code]) => name === language && code?.includes(containing),
  );
  expect(blocks).toHaveLength(1);
  return blocks[0]?.[2] ?? '';
}

/** The example with the URL of that cluster in the place of its own. */
export const exampleAt = ({ url }: { url: string }, language: string, containing: string): string =>
  example(language, containing).replaceAll('localhost:8080', new URL(url).host);

/** What a shell prints for the command, by default from the project's folder. */
export const shell = (command: string, cwd = root): string =>
  spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8' }).stdout;

/** Runs the code as a module in Node, or as the program's arguments say, from the project's folder, until the test ends. */
export async function runExample(
  code: string,
  { env = process.env, command = process.execPath, args = ['--input-type=module', '-e'] } = {},
) {
  const child = await startChild({ name: 'example', command, args: [...args, code], cwd: root, env });
  onTestFinished(() => child.kill('SIGKILL'));
  return child;
}

/** Resolves when the program printed so many lines like that. */
export async function expectPrinted(child: Pick<Child, 'logs'>, line: RegExp, count = 1): Promise<void> {
  await until(() => child.logs().filter((one) => line.test(one)).length >= count, {
    withinMs: 15_000,
    saw: () => child.logs(),
  });
}

/** A stock client in Node that is about to use `socket`. */
export const socketTo = ({ url }: { url: string }): string =>
  `import { io } from 'socket.io-client'; const socket = io('${url}');\n`;
