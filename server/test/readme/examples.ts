/** The README and its examples, for the tests that run them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';

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
