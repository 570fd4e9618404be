/** Apart from the other tests: these need a Docker engine, which scripts/test-compose.mjs provides. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'compose',
    include: ['server/test/compose/**/*.test.ts'],
    fileParallelism: false,
    // One story: what comes after a failed test could only repeat it.
    bail: 1,
    retry: 0,
    allowOnly: false,
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
