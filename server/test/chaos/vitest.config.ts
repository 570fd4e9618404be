/** Apart from the other tests: it runs as long as it is told. scripts/test-chaos.mjs gives it its seed and its seconds. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'chaos',
    include: ['server/test/chaos/**/*.test.ts'],
    fileParallelism: false,
    retry: 0,
    allowOnly: false,
    disableConsoleIntercept: true,
    globalSetup: ['scripts/lib/build-before-tests.mjs'],
  },
});
