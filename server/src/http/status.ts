/**
 * `GET /api/status`: how the cluster is, as the replica that is asked sees it, for operators with an API key. It is told
 * everything and finds out nothing. Keeps SPEC.md [AP7].
 */
import { z } from 'zod';
import { version } from '../support/version.ts';
import { backplaneOf, leaderOf, statusOf } from './health.ts';
import { isAlone, listNodes, nodeForm, type NodesOptions } from './nodes.ts';
import { operation, type Operation } from './operation.ts';

/** What the status is read from. Neither waits for anything, so that it is answered in any outage. */
export type StatusOptions = Pick<NodesOptions, 'nodes' | 'vitals'>;

const freshness = z.enum(['live', 'stale']);

const statusForm = z.object({
  status: z.enum(['ok', 'degraded', 'draining']),
  node: z.string().meta({ description: 'the replica that answers' }),
  version: z.string(),
  uptime: z.int().min(0).meta({ description: 'seconds since that replica started' }),
  leader: z.object({
    node: z.string().nullable().meta({ description: 'null while nobody is known to lead' }),
    me: z.boolean(),
    epoch: z.int().min(0),
  }),
  backplane: z.object({
    kind: z.enum(['redis', 'local']),
    state: z.enum(['up', 'down']),
    since: z.int().optional().meta({ description: 'epoch milliseconds; there while it is down' }),
    reason: z.string().optional(),
  }),
  feed: z.object({
    state: freshness,
    since: z.int().meta({ description: 'epoch milliseconds' }),
    reason: z.string().meta({ description: 'empty while live' }),
    sources: z.array(z.object({ name: z.string(), state: freshness, symbolCount: z.int().min(0) })),
  }),
  scope: z.enum(['cluster', 'replica']).meta({
    description:
      'what nodes and totals are of: `replica` is the one that answers alone, while it has no link to the others',
  }),
  nodes: z.array(nodeForm),
  totals: z.object({
    nodes: z.int().min(0),
    connections: z.int().min(0).meta({ description: 'clients connected to those nodes together' }),
  }),
});

/** Answers 200 however the cluster is: without a leader or prices too, and without a link to the others for itself. */
export function createStatusOperation(options: StatusOptions): Operation {
  return operation({
    id: 'getStatus',
    method: 'get',
    path: '/api/status',
    summary: 'How the cluster is',
    description:
      'As the replica that answers sees it; the others are told of as they last told of themselves.',
    access: 'key',
    answers: { 200: { description: 'its state at this moment', schema: statusForm } },
    refusals: [],
    handle: () => {
      const now = options.vitals();
      const { node, uptimeMs, feed } = now;
      const list = listNodes(options);
      return {
        status: 200,
        body: {
          status: statusOf(now),
          node,
          version,
          uptime: Math.round(uptimeMs / 1_000),
          leader: leaderOf(now),
          backplane: backplaneOf(now),
          feed: {
            ...feed,
            sources: feed.sources.map(({ name, state, symbols }) => ({
              name,
              state,
              symbolCount: symbols.length,
            })),
          },
          scope: isAlone(now) ? ('replica' as const) : ('cluster' as const),
          nodes: list,
          totals: {
            nodes: list.length,
            connections: list.reduce((sum, one) => sum + one.connections, 0),
          },
        },
      };
    },
  });
}
