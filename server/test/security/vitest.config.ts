/** Apart from the other tests: each row of the catalogue of bad input against true processes. scripts/test-security.mjs counts them. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'security',
    include: ['server/test/security/**/*.test.ts'],
    fileParallelism: false,
    // Of the starts that end by themselves.
    maxConcurrency: 3,
    retry: 0,
    allowOnly: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    globalSetup: ['scripts/lib/build-before-tests.mjs'],
  },
});
