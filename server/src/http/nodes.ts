/**
 * The replicas over HTTP, for operators with an API key: `GET /api/nodes` lists them, `POST /api/nodes/:id/drain` makes
 * one leave, whichever is asked. Knows neither how they meet nor how one leaves. SPEC.md [DR6].
 */
/* oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 hands a rejection to the error handler */
import { Router } from 'express';
import { requireApiKey, type ApiKey } from './api-key.ts';
import { otherMethods, Refused } from './problem.ts';

/** One replica, as it last told. */
export interface NodeReport {
  node: string;
  connections: number;
  isLeaving: boolean;
}

export interface NodesOptions {
  apiKeys: readonly ApiKey[];
  /** Every replica that is there, the one that is asked first. */
  nodes: () => readonly NodeReport[];
  /** Tells the replica to leave. `silent`: it is there and did not answer. */
  drainNode: (node: string) => Promise<'told' | 'unknown' | 'silent'>;
}

export function createNodesRoutes({ apiKeys, nodes, drainNode }: NodesOptions): Router {
  const router = Router();
  const withKey = requireApiKey(apiKeys);
  router
    .route('/api/nodes')
    .get(withKey, (_req, res) => {
      const list = nodes().map(({ node, connections, isLeaving }) => ({
        node,
        connections,
        state: isLeaving ? 'draining' : 'serving',
      }));
      res.set('Cache-Control', 'no-store').json({ nodes: list });
    })
    .all(otherMethods('GET, HEAD'));
  router
    .route('/api/nodes/:id/drain')
    .post(withKey, async (req, res) => {
      const node = req.params['id'];
      const outcome = await drainNode(node);
      if (outcome === 'unknown')
        throw new Refused('not_found', `there is no replica ${JSON.stringify(node.slice(0, 64))}`);
      if (outcome === 'silent')
        throw new Refused('node_unreachable', `replica ${node} did not answer; perhaps it was told`);
      res.status(202).set('Cache-Control', 'no-store').json({ node, state: 'draining' });
    })
    .all(otherMethods('POST'));
  return router;
}
