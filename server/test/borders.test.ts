/**
 * The borders that STYLE draws between folders, read from the import lines: what a file may import is decided by where both
 * ends live. TypeScript's project references hold the borders between projects; this holds those between stages.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const stages = ['feed', 'leader', 'fanout', 'session', 'http', 'cluster', 'bridge'];
const identity = 'server/src/users/identity.ts';
const seat = 'server/src/users/seat.ts';
const contract = 'server/src/backplane/contract.ts';

/** What the files of one place may import beside files of that same place: places, or single files. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  support: ['protocol'],
  log: ['support', 'protocol'],
  backplane: ['log', 'support', 'protocol'],
  ...Object.fromEntries(
    stages.map((stage) => [stage, [contract, identity, seat, 'log', 'support', 'protocol']]),
  ),
  users: [contract, 'support', 'protocol'],
  settings: [...stages, 'support', 'protocol'],
  config: ['settings', 'log', ...stages, 'support', 'protocol'],
  metrics: ['support', 'protocol'],
  replica: ['config', 'metrics', 'backplane', 'log', 'users', 'support', 'protocol', ...stages],
  run: ['replica', 'config', 'backplane', 'support', 'protocol'],
  main: ['run', 'config'],
  client: ['protocol'],
  'load-tests': ['protocol'],
};

/** The place of a file, given by its path from the root: its stage in the server, its folder elsewhere. */
function placeOf(path: string): string {
  const inServer = /^server\/(?:src\/)?([^/]+?)(?:\.ts|\/)/.exec(path);
  return inServer?.[1] ?? path.replace(/\/.*/, '');
}

/** What a source imports, types too: files as paths from the root, packages as they are written. */
function importsOf(path: string, source: string): { files: string[]; packages: string[] } {
  const matches = source.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(['"])([^'"\n]+)\1/g);
  const specifiers = [...matches].map(([, , specifier = '']) => specifier);
  const relative = specifiers.filter((specifier) => specifier.startsWith('.'));
  return {
    files: relative.map((specifier) => normalize(join(dirname(path), specifier))),
    packages: specifiers.filter((specifier) => !relative.includes(specifier)),
  };
}

/** One line for each import that crosses a border the wrong way. */
function crossings(path: string, source: string): string[] {
  const place = placeOf(path);
  const allowed = mayImport[place];
  if (allowed === undefined) return [`${path}: no border is drawn for ${place}`];
  const { files, packages } = importsOf(path, source);
  const wrong = files.filter(
    (file) => ![place, ...allowed].includes(placeOf(file)) && !allowed.includes(file),
  );
  return [...wrong, ...(place === 'protocol' ? packages : [])].map((target) => `${path} imports ${target}`);
}

const environmentRead = /\bprocess\s*(\.|\[['"])\s*env\b|\benv\b[^;]*\bfrom\s+['"](node:)?process['"]/;

/** True where a server source reads the environment and is not the process edge. */
function readsEnvironment(path: string, source: string): boolean {
  const inServer = path.startsWith('server/src/') || path.startsWith('server/protocol/');
  return inServer && path !== 'server/src/main.ts' && environmentRead.test(source);
}

/** Every source below a folder, tests left out: those reach across borders to build what they test. */
function sourcesBelow(folder: string): { path: string; source: string }[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return /^(node_modules|test)$/.test(entry.name) ? [] : sourcesBelow(path);
    if (!/\.(ts|tsx|js|mjs|cjs)$/.test(path) || /\.test\.tsx?$/.test(path)) return [];
    return [{ path, source: readFileSync(join(root, path), 'utf8') }];
  });
}

describe('import borders', () => {
  const sources = ['server/protocol', 'server/src', 'client', 'load-tests'].flatMap((folder) =>
    sourcesBelow(folder),
  );

  test('imports go main -> run -> replica -> stages -> backplane contract -> log -> support -> protocol', () => {
    expect(sources.length).toBeGreaterThan(10);
    expect(sources.flatMap(({ path, source }) => crossings(path, source))).toEqual([]);
  });

  test('the environment is read in main.ts alone', () => {
    expect(
      sources.filter(({ path, source }) => readsEnvironment(path, source)).map(({ path }) => path),
    ).toEqual([]);
  });
});

describe('what the borders refuse', () => {
  test.each([
    ['a stage importing another stage', 'server/src/feed/push.ts', '../leader/publisher.ts'],
    ['a stage importing another stage for its types', 'server/src/http/api.ts', '../session/session.ts'],
    ['a stage importing a home of the backplane', 'server/src/fanout/mixin.ts', '../backplane/redis/link.ts'],
    ['a stage importing the composition root', 'server/src/session/subscribe.ts', '../replica.ts'],
    ['a stage importing the configuration', 'server/src/feed/push.ts', '../config.ts'],
    ['the backplane importing a stage', 'server/src/backplane/local/home.ts', '../../leader/lease.ts'],
    ['support importing the backplane', 'server/src/support/log.ts', '../backplane/contract.ts'],
    ['the protocol importing the server', 'server/protocol/types.ts', '../src/support/clock.ts'],
    ['the protocol importing a package', 'server/protocol/types.ts', 'zod'],
    ['the protocol importing Node', 'server/protocol/types.ts', 'node:buffer'],
    ['a stage importing the tests', 'server/src/feed/push.ts', '../../test/support/client.ts'],
    ['the page importing the server', 'client/src/store/quotes.ts', '../../../server/src/support/backoff.ts'],
    ['the page importing the load tests', 'client/src/main.tsx', '../../load-tests/processor.ts'],
    ['the load tests importing the page', 'load-tests/processor.ts', '../client/src/stream/stream.ts'],
    ['a place nobody drew a border for', 'server/src/misc/odd.ts', '../support/log.ts'],
  ])('%s', (_what, path, specifier) => {
    expect(crossings(path, `import { x } from '${specifier}';`)).toHaveLength(1);
  });

  test.each([
    ['import type', "import type { X } from '../leader/publisher.ts';"],
    ['export from', "export * from '../leader/publisher.ts';"],
    ['several lines', "import {\n  a,\n  b,\n} from '../leader/publisher.ts';"],
    ['import for its effect', "import '../leader/publisher.ts';"],
    ['import()', "const x = await import('../leader/publisher.ts');"],
    ['import() in a type', "type X = import('../leader/publisher.ts').X;"],
    ['double quotes', 'import x from "../leader/publisher.ts";'],
  ])('whatever form it takes: %s', (_form, source) => {
    expect(crossings('server/src/feed/push.ts', source)).toHaveLength(1);
  });

  test('the environment read outside main.ts, however it is spelled', () => {
    expect(readsEnvironment('server/src/config.ts', "process.env['PORT']")).toBe(true);
    expect(readsEnvironment('server/src/config.ts', "process['env']")).toBe(true);
    expect(readsEnvironment('server/src/config.ts', "import { env } from 'node:process'")).toBe(true);
    expect(readsEnvironment('server/src/main.ts', 'process.env')).toBe(false);
    expect(readsEnvironment('scripts/start.mjs', 'process.env')).toBe(false);
  });
});

describe('what the borders allow', () => {
  test.each([
    ['server/src/main.ts', './run.ts'],
    ['server/src/run.ts', './replica.ts'],
    ['server/src/run.ts', './backplane/local/primary.ts'],
    ['server/src/replica.ts', './fanout/fanout.ts'],
    ['server/src/fanout/tiers.ts', '../backplane/contract.ts'],
    ['server/src/fanout/tiers.ts', './mixin.ts'],
    ['server/src/feed/push.ts', '../support/clock.ts'],
    ['server/src/feed/push.ts', '../../protocol/index.ts'],
    ['server/src/feed/push.ts', 'express'],
    ['client/src/store/quotes.ts', '../../../server/protocol/index.ts'],
    ['load-tests/processor.ts', '../server/protocol/index.ts'],
  ])('%s importing %s', (path, specifier) => {
    expect(crossings(path, `import { x } from '${specifier}';`)).toEqual([]);
  });
});
