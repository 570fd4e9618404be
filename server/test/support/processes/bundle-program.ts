/** Test programs of ours as one file each that Node runs: they are TypeScript and import the stream library. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

/** Builds `entry`, a path below the project. `remove` deletes what was built; processes that run it already go on. */
export async function bundleProgram(entry: string): Promise<{ path: string; remove: () => void }> {
  // Under the project, so that the program finds its packages.
  const work = join(root, '.work');
  mkdirSync(work, { recursive: true });
  const folder = mkdtempSync(join(work, 'program-'));
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: entry,
      outDir: folder,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: 'program.mjs' } },
    },
  });
  return {
    path: join(folder, 'program.mjs'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
