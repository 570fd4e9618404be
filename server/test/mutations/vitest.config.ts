/**
 * Apart from the other tests: unit, contract and wire tests in one run, without a build. run-mutations.ts names the files, and
 * all of them run from source.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The copies share `node_modules`, and so would their caches.
  cacheDir: '.work/vitest',
  test: {
    name: 'mutations',
    include: ['server/{protocol,src,test}/**/*.test.ts'],
    fileParallelism: false,
    retry: 0,
    allowOnly: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
