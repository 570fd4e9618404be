/** The image starts the server as everything else does. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { expect, it } from 'vitest';
import { nodeArgs, serverProgram } from './server-program.mjs';

it('is what the image starts too', () => {
  const root = new URL('../..', import.meta.url);
  const [, command] = /^CMD (\[.*\])$/m.exec(readFileSync(new URL('server/Dockerfile', root), 'utf8')) ?? [];
  expect(JSON.parse(command ?? '')).toEqual(['node', ...nodeArgs, relative(root.pathname, serverProgram)]);
});
