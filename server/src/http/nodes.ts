/**
 * The replicas over HTTP, for operators with an API key: `GET /api/nodes` lists them, `POST /api/nodes/:id/drain` makes
 * one leave, whichever is asked. Knows neither how they meet nor how one leaves. SPEC.md [AP7], [DR6].
 */
import { z } from 'zod';
import type { Vitals } from './health.ts';
import { operation, type Operation } from './operation.ts';
import { Refused } from './problem.ts';

/** One replica, as it last told. */
export interface NodeReport {
  node: string;
  connections: number;
  /** Different users among them, and connections of no user. */
  users: number;
  anonymous: number;
  isLeaving: boolean;
  uptimeMs: number;
}

/** What both operations ask of the replica, which knows the others by what they told of themselves. */
export interface NodesOptions {
  /** Every replica that is there as far as this one knows, which comes first. */
  nodes: () => readonly NodeReport[];
  /** Called for each question; must not wait for anything. */
  vitals: () => Vitals;
  /** Tells the replica to leave. `silent`: it is there and did not answer. */
  drainNode: (node: string) => Promise<'told' | 'unknown' | 'silent'>;
}

/** One replica as the API lists it. */
export const nodeForm = z.object({
  node: z.string(),
  state: z.enum(['serving', 'draining']),
  leader: z.boolean(),
  uptime: z.int().min(0).meta({ description: 'seconds since it started' }),
  connections: z.int().min(0).meta({ description: 'clients connected to it' }),
  users: z.int().min(0).meta({ description: 'different users among them' }),
  anonymous: z.int().min(0).meta({ description: 'clients among them that are of no user' }),
});

/** Whether a replica has no link to the others: what it knows of them is what was, and no figure of it is the cluster's. */
export const isAlone = ({ backplane }: Vitals): boolean => backplane.state.at === 'down';

/** The listing of what the replicas told; of this one where it is alone. */
export function listNodes({
  nodes,
  vitals,
}: Pick<NodesOptions, 'nodes' | 'vitals'>): z.input<typeof nodeForm>[] {
  const now = vitals();
  return (isAlone(now) ? nodes().slice(0, 1) : nodes()).map(
    ({ node, isLeaving, uptimeMs, connections, users, anonymous }) => ({
      node,
      state: isLeaving ? 'draining' : 'serving',
      leader: node === now.leader?.node,
      uptime: Math.round(uptimeMs / 1_000),
      connections,
      users,
      anonymous,
    }),
  );
}

/** Gives both. A replica without a link to the others lists none and drains none but itself. */
export function createNodeOperations(options: NodesOptions): Operation[] {
  return [
    operation({
      id: 'listNodes',
      method: 'get',
      path: '/api/nodes',
      summary: 'The replicas that are there',
      description: 'The replica that answers comes first, then the others by name.',
      access: 'key',
      answers: {
        200: {
          description: 'every replica, as it last told',
          schema: z.object({ nodes: z.array(nodeForm) }),
        },
      },
      refusals: ['replicas_unreachable'],
      handle: () => {
        // One replica would look like all there are.
        if (isAlone(options.vitals())) throw new Refused('replicas_unreachable');
        return { status: 200, body: { nodes: listNodes(options) } };
      },
    }),
    operation({
      id: 'drainNode',
      method: 'post',
      path: '/api/nodes/{id}/drain',
      summary: 'Make a replica leave',
      description: 'It takes no more clients, gives up the lease and sends its clients away over DRAIN_MS.',
      access: 'key',
      params: z.object({ id: z.string().meta({ description: 'the name of the replica' }) }),
      answers: {
        202: {
          description: 'it was told',
          schema: z.object({ node: z.string(), state: z.literal('draining') }),
        },
      },
      refusals: ['not_found', 'node_unreachable', 'replicas_unreachable'],
      handle: async ({ params: { id: node } }) => {
        const now = options.vitals();
        if (isAlone(now) && node !== now.node) throw new Refused('replicas_unreachable');
        const outcome = await options.drainNode(node);
        if (outcome === 'unknown')
          throw new Refused('not_found', `there is no replica ${JSON.stringify(node.slice(0, 64))}`);
        if (outcome === 'silent')
          throw new Refused('node_unreachable', `replica ${node} did not answer; perhaps it was told`);
        return { status: 202, body: { node, state: 'draining' } };
      },
    }),
  ];
}
