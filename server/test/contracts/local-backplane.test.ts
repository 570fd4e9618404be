/** The contract suite on true workers of a true primary. */
import { afterAll, beforeAll } from 'vitest';
import { describeBackplane } from './backplane.contract.ts';
import { bundleLocalProgram, startProgram } from './local-processes.ts';

let program: Awaited<ReturnType<typeof bundleLocalProgram>>;

beforeAll(async () => {
  program = await bundleLocalProgram();
});
afterAll(() => program.remove());

describeBackplane('local', async (count, settings) => {
  const processes = startProgram(program.path, { ...settings, workers: count });
  await processes.readyCount(count);
  const nodes = processes.ready.map(({ node }) => node).toSorted();
  return { nodes: nodes.map((node) => processes.driver(node)), stop: () => processes.stop() };
});
