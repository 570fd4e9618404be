/** Apart from the other tests: these take a quarter of an hour. scripts/test-faults.mjs runs them and writes their table. */
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** By name, so that the table has one order. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => a.moduleId.localeCompare(b.moduleId));
  }
}

export default defineConfig({
  test: {
    name: 'faults',
    include: ['server/test/faults/**/*.test.ts'],
    fileParallelism: false,
    sequence: { sequencer: ByName },
    retry: 0,
    allowOnly: false,
    testTimeout: 90_000,
    hookTimeout: 60_000,
    globalSetup: ['scripts/lib/build-before-tests.mjs'],
  },
});
