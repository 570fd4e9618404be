/** Lock files name no registry: each user's own npm settings say where packages come from. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it.each(['.', 'load-tests', 'server/bench'])('the lock file in %s has no address of a package', (folder) => {
  const text = readFileSync(new URL(`../../${folder}/package-lock.json`, import.meta.url), 'utf8');
  expect(text).not.toContain('"resolved"');
  expect(text).toContain('"integrity"');
});
