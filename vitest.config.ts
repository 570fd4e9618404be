/**
 * The test projects. `unit` is quick, parallel and without network; the others start true processes, so their files run
 * one after another, on a build that is made first where it is stale.
 */
import { defineConfig } from 'vitest/config';

/** A project of tests that start true processes. */
function withProcesses(name: string, include: string[]) {
  return {
    extends: true as const,
    test: {
      name,
      include,
      fileParallelism: false,
      testTimeout: 60_000,
      hookTimeout: 60_000,
      globalSetup: ['scripts/lib/build-before-tests.mjs'],
    },
  };
}

export default defineConfig({
  test: {
    retry: 0,
    allowOnly: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'server/{protocol,src}/**/*.test.ts',
            'server/bench/**/*.test.ts',
            'server/test/borders.test.ts',
            'server/test/support/**/*.test.ts',
            'client/src/**/*.test.{ts,tsx}',
            'scripts/**/*.test.ts',
            'load-tests/*.test.ts',
          ],
        },
      },
      withProcesses('wire', ['server/test/wire/**/*.test.ts']),
      withProcesses('contracts', ['server/test/contracts/**/*.test.ts']),
      withProcesses('nginx', ['server/test/nginx/**/*.test.ts']),
      withProcesses('readme', ['server/test/readme/**/*.test.ts']),
      withProcesses('cluster', ['server/test/cluster/**/*.test.ts']),
      withProcesses('observability', ['server/test/observability/**/*.test.ts']),
      withProcesses('page', ['server/test/page/**/*.test.ts']),
      withProcesses('load', ['load-tests/test/**/*.test.ts']),
    ],
  },
});
