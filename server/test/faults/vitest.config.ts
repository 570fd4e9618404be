/** Apart from the other tests: these take a quarter of an hour. scripts/test-faults.mjs runs them and writes their table. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'faults',
    include: ['server/test/faults/**/*.test.ts'],
    fileParallelism: false,
    retry: 0,
    allowOnly: false,
    testTimeout: 90_000,
    hookTimeout: 60_000,
    globalSetup: ['scripts/lib/build-before-tests.mjs'],
  },
});
