/**
 * Two workers of node:cluster with a server each, over the cluster adapter, that delivery-cluster.test.ts drives over IPC.
 * The primary relays its calls, and what the adapters say to each other.
 */
import cluster from 'node:cluster';
import process from 'node:process';
import { NodeClusterAdapter, setupPrimary } from '@socket.io/cluster-adapter';
import { openDeliveryNode } from './delivery-node.ts';
import type { ScriptName } from './delivery-scripts.ts';

/** What the test asks of a worker. */
export interface DeliveryCall {
  type: 'test:call';
  node: number;
  id: number;
  /** Null asks for the notes. */
  script: ScriptName | null;
}

/** What a worker says to the test. */
export type DeliveryReport =
  | { type: 'test:listening'; node: number; url: string }
  | { type: 'test:answer'; id: number; notes: unknown[]; error?: string };

function runPrimary(): void {
  setupPrimary();
  cluster.setupPrimary({ serialization: 'advanced' });
  const workers = [0, 1].map((node) => cluster.fork({ DELIVERY_NODE: String(node) }));
  cluster.on('message', (_worker, message: { type?: unknown }) => {
    if (message.type === 'test:listening' || message.type === 'test:answer') process.send?.(message);
  });
  process.on('message', (call: DeliveryCall) => void workers[call.node]?.send(call));
  // The test ended, or is gone. Workers end with their primary.
  process.once('disconnect', () => process.exit(0));
}

async function runWorker(index: number): Promise<void> {
  const report = (message: DeliveryReport): void => void process.send?.(message);
  const node = await openDeliveryNode({
    isCoalesced: process.argv[2] === 'coalesced',
    adapter: (wrap) => {
      const Wrapped = wrap(NodeClusterAdapter);
      return function createAdapter(nsp) {
        return new Wrapped(nsp as never);
      };
    },
  });
  process.on('message', (call: DeliveryCall) => {
    if (call.type !== 'test:call') return;
    const { id, script } = call;
    (script === null ? node.notes() : node.run(script).then(() => [])).then(
      (notes) => report({ type: 'test:answer', id, notes }),
      (error: Error) => report({ type: 'test:answer', id, notes: [], error: error.message }),
    );
  });
  report({ type: 'test:listening', node: index, url: node.url });
}

if (cluster.isPrimary) runPrimary();
else await runWorker(Number(process.env['DELIVERY_NODE']));
