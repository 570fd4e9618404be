/** The contract of delivery on the cluster adapter: two workers of node:cluster, as true processes. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll } from 'vitest';
import { bundleProgram } from '../support/bundle-program.ts';
import { until } from '../support/until.ts';
import type { DeliveryCall, DeliveryReport } from './delivery-program.ts';
import type { ScriptName } from './delivery-scripts.ts';
import { describeDelivery } from './delivery.contract.ts';

let program: { path: string; remove: () => void };

beforeAll(async () => {
  program = await bundleProgram('server/test/contracts/delivery-program.ts');
});
afterAll(() => program.remove());

describeDelivery('the cluster adapter', async (isCoalesced) => {
  const primary = fork(program.path, [isCoalesced ? 'coalesced' : 'stock'], { serialization: 'advanced' });
  const urls: string[] = [];
  const calls = new Map<number, (answer: DeliveryReport & { type: 'test:answer' }) => void>();
  let lastId = 0;
  primary.on('message', (message: DeliveryReport) => {
    if (message.type === 'test:listening') urls[message.node] = message.url;
    else calls.get(message.id)?.(message);
  });

  async function call(node: number, script: ScriptName | null): Promise<unknown[]> {
    const id = ++lastId;
    const answered = new Promise<DeliveryReport & { type: 'test:answer' }>(
      (resolve) => void calls.set(id, resolve),
    );
    primary.send({ type: 'test:call', node, id, script } satisfies DeliveryCall);
    const { notes, error } = await answered;
    if (error !== undefined) throw new Error(error);
    return notes;
  }

  await until(() => urls[0] !== undefined && urls[1] !== undefined, { withinMs: 10_000 });
  return {
    nodes: urls.map((url, node) => ({
      url,
      run: (script) => call(node, script),
      notes: () => call(node, null),
    })),
    stop: async () => {
      const ended = once(primary, 'exit');
      primary.disconnect();
      await ended;
    },
  };
});
