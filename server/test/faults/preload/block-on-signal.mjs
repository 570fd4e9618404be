/** Loaded into a replica by a test: SIGUSR2 blocks its event loop for three seconds. */
const blockMs = 3_000;

process.on('SIGUSR2', () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
});
