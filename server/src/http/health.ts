/**
 * What the replica says of itself: `/health` for people and dashboards, `/health/live` for whoever restarts it,
 * `/health/ready` for whoever sends it clients. It is told everything and finds out nothing.
 */
import { Router, type Response } from 'express';
import type { Backplane, BackplaneState } from '../backplane/contract.ts';
import type { FeedState } from '../../protocol/index.ts';
import { otherMethods } from './problem.ts';

/** How the replica is at this moment. */
export interface Vitals {
  node: string;
  /** Since the replica started. */
  uptimeMs: number;
  /** Clients connected to this replica. */
  connections: number;
  backplane: { kind: Backplane['kind']; state: BackplaneState };
  /** Null while nobody is known to lead. */
  leader: { node: string; epoch: number } | null;
  isLeading: boolean;
  feed: FeedState;
  isDraining: boolean;
  /** Whether prices and the list of symbols were read from the log for the first time. */
  arePricesKnown: boolean;
}

/** Symbols that `/health` names of each source; it counts all of them. */
const maxSymbolsNamed = 50;

/** Why no new client should come here, in sentences; empty while ready. */
function reasonsNotReady({ isDraining, arePricesKnown, backplane: { state } }: Vitals): string[] {
  const why = state.at === 'down' ? `: ${state.reason}` : '';
  // Without the backplane a replica serves its last prices, marked stale. Were it not ready, no replica would be.
  return [
    ...(isDraining ? ['this replica is draining'] : []),
    ...(arePricesKnown ? [] : [`prices were not read yet${why}`]),
  ];
}

/** The state in one word; `degraded` also where only the feed is stale, or nobody leads. */
export function statusOf({ isDraining, backplane, leader, feed }: Vitals): 'ok' | 'degraded' | 'draining' {
  if (isDraining) return 'draining';
  const isWell = backplane.state.at === 'up' && leader !== null && feed.state === 'live';
  return isWell ? 'ok' : 'degraded';
}

/** The backplane as it is told; `since` and `reason` are there while it is down. */
export function backplaneOf({ backplane: { kind, state } }: Vitals) {
  const { at, ...outage } = state;
  return { kind, state: at, ...outage };
}

/** The leader as this replica knows it: `node` is null and `epoch` 0 while it knows of none. */
export function leaderOf({ leader, isLeading }: Vitals) {
  return { node: leader?.node ?? null, me: isLeading, epoch: leader?.epoch ?? 0 };
}

function report(vitals: Vitals): object {
  const { node, uptimeMs, connections, feed } = vitals;
  return {
    status: statusOf(vitals),
    node,
    uptime: Math.round(uptimeMs / 1000),
    connections,
    ready: reasonsNotReady(vitals).length === 0,
    backplane: backplaneOf(vitals),
    leader: leaderOf(vitals),
    feed: {
      state: feed.state,
      since: feed.since,
      reason: feed.reason,
      sources: feed.sources.map(({ name, state, symbols }) => ({
        name,
        state,
        symbolCount: symbols.length,
        symbols: symbols.slice(0, maxSymbolsNamed),
      })),
    },
  };
}

function answer(res: Response, status: number, body: object): void {
  res.status(status).set('Cache-Control', 'no-store').json(body);
}

/** `/health` and `/health/live` answer 200 as long as the process serves; `/health/ready` 200, or 503 with the reasons. */
export function createHealth({ vitals }: { vitals: () => Vitals }): Router {
  const router = Router();
  const others = otherMethods('GET, HEAD');
  router
    .route('/health')
    .get((_req, res) => answer(res, 200, report(vitals())))
    .all(others);
  router
    .route('/health/live')
    .get((_req, res) => answer(res, 200, { status: 'live' }))
    .all(others);
  router
    .route('/health/ready')
    .get((_req, res) => {
      const reasons = reasonsNotReady(vitals());
      if (reasons.length === 0) answer(res, 200, { status: 'ready' });
      else answer(res.set('Retry-After', '1'), 503, { status: 'not ready', reasons });
    })
    .all(others);
  return router;
}
