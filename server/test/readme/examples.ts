/** The README and its examples, for the tests that run them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { startChild } from '../support/start-child.ts';

export const root = join(import.meta.dirname, '../../..');
export const readme = await readFile(join(root, 'README.md'), 'utf8');
/** What every example calls the server, at its end without a slash. */
export const ownAddress = 'http://localhost:8080';

/** The only code block of that language that contains the text. */
export function example(language: string, containing: string): string {
  const blocks = [...readme.matchAll(/```(\w+)\n(.*?)```/gs)].filter(
    ([, name, code]) => name === language && code?.includes(containing),
  );
  expect(blocks).toHaveLength(1);
  return blocks[0]?.[2] ?? '';
}

/** Runs the code as a module in Node, from the project's folder, until the test ends. */
export async function runExample(code: string, env = process.env) {
  const child = await startChild({
    name: 'example',
    command: process.execPath,
    args: ['--input-type=module', '-e', code],
    cwd: root,
    env,
  });
  onTestFinished(() => child.kill('SIGKILL'));
  return child;
}
