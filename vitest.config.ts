/**
 * The test projects. `npm test` runs unit, contracts, wire, cluster and alone; the commands in server/test/run run the others.
 * Every project but `unit` starts real processes on a build that is made first if the sources changed.
 */
import { defineConfig } from 'vitest/config';

interface Project {
  name: string;
  include: string[];
  /** Files that run at once. Most of their time is waiting, so there may be more than processors. */
  workers: number;
  /** Projects of one order run together, the lower order first. */
  order: number;
  testTimeout?: number;
  globalSetup?: string[];
}

/** A project of tests that start real processes. */
function withProcesses({ workers, order, globalSetup = [], ...options }: Project) {
  return {
    extends: true as const,
    test: {
      testTimeout: 60_000,
      hookTimeout: 60_000,
      maxWorkers: workers,
      sequence: { groupOrder: order },
      globalSetup: ['server/test/run/build-before-tests.mjs', ...globalSetup],
      ...options,
    },
  };
}

const testsIn = (...folders: string[]): string[] =>
  folders.map((folder) => `server/test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    retry: 0,
    maxConcurrency: 3,
    // Files of one worker share their imports, which saves a third of the processor time. State is never in modules.
    isolate: false,
    allowOnly: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
          include: [
            'server/{protocol,src}/**/*.test.ts',
            'server/bench/**/*.test.ts',
            'server/test/*.test.ts',
            'server/test/{run,support,mutations}/**/*.test.ts',
            'client/src/**/*.test.{ts,tsx}',
            'scripts/**/*.test.ts',
            'load-tests/*.test.ts',
          ],
        },
      },
      withProcesses({ name: 'contracts', include: testsIn('contracts'), workers: 4, order: 1 }),
      withProcesses({ name: 'wire', include: testsIn('wire'), workers: 4, order: 1 }),
      withProcesses({
        name: 'cluster',
        include: testsIn('cluster', 'nginx', 'observability', 'page', 'readme'),
        workers: 4,
        order: 1,
        globalSetup: ['server/test/support/shared-cluster-setup.ts'],
      }),
      // They measure time or memory, or need a processor for themselves.
      withProcesses({ name: 'alone', include: testsIn('alone'), workers: 1, order: 2 }),
      withProcesses({
        name: 'faults',
        include: testsIn('faults'),
        workers: 3,
        order: 1,
        testTimeout: 90_000,
      }),
      withProcesses({
        name: 'faults-alone',
        include: testsIn('faults-alone'),
        workers: 1,
        order: 2,
        testTimeout: 90_000,
      }),
      withProcesses({ name: 'security', include: testsIn('security'), workers: 3, order: 1 }),
      withProcesses({ name: 'load', include: ['load-tests/test/**/*.test.ts'], workers: 2, order: 1 }),
      withProcesses({ name: 'chaos', include: testsIn('chaos'), workers: 1, order: 1 }),
      withProcesses({
        name: 'compose',
        include: testsIn('compose'),
        workers: 1,
        order: 1,
        testTimeout: 300_000,
      }),
    ],
  },
});
