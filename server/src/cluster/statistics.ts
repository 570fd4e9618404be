/**
 * What is told to those who watch the cluster: every node as it last told of itself, and for those who may know more what each
 * node publishes once a second while somebody somewhere watches it. Knows no sockets. Keeps SPEC.md [CS2], [CS3], [CS5].
 */
import { z } from 'zod';
import type { ClusterStatistics, NodeDetails } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import { byNode, type NodeChannel, type NodeState } from './nodes.ts';

/** `counts` is for everybody, `details` for those with an API key. */
export type WatchKind = 'counts' | 'details';

/** Those who watch at this replica. */
export interface Watchers {
  count(kind: WatchKind): number;
  tell(kind: WatchKind, statistics: ClusterStatistics): void;
}

/** What the statistics are made of, and who is told them. */
export interface StatisticsOptions {
  channel: NodeChannel;
  clock: Clock;
  node: string;
  /** Every node that is there, this one too. */
  nodes: () => readonly NodeState[];
  /** The node that leads, as far as is known here. */
  leader: () => string | null;
  /** This node over the last second. */
  details: () => NodeDetails;
  watchers: Watchers;
}

/** The statistics of all nodes as this one knows them, and the telling of them to those who watch here. */
export interface Statistics {
  /** As they are now. Whoever is told them hears of every change after. */
  now(kind: WatchKind): ClusterStatistics;
  /** Nodes leave or are gone, perhaps for a moment: everybody is told at once. */
  nodesDepart(): void;
  close(): void;
}

/** How often is looked for changes, and how soon after one another they are told: two looks, which come a little early or late. */
const lookMs = 250;
const spacingMs = 2 * lookMs - 50;
/** Of counts a replica tells no more than a thousand clients a second: of those who have thousands, some always come and go. */
const spacingMsPerWatcher = 1;
/** How often details are published and told, in milliseconds, a little early or late too. */
const detailsEveryMs = 1_000 - 50;

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
const detailsSchema = z.object({ node: z.string(), details: z.custom<NodeDetails>(isObject) });

/** What is told of as a change: who is there and how, and apart from that the counts. */
function signOf(nodes: readonly NodeState[], leader: string | null) {
  return {
    cluster: JSON.stringify([leader, ...nodes.map(({ node, isLeaving }) => [node, isLeaving])]),
    counts: JSON.stringify(nodes.map(({ connections, users, anonymous }) => [connections, users, anonymous])),
  };
}

/** Looks from now on. */
export function createStatistics(options: StatisticsOptions): Statistics {
  const { channel, clock, node: self, nodes, leader, details, watchers } = options;
  const detailsOf = new Map<string, NodeDetails>();
  let publishedAt = -Infinity;
  let told = { cluster: '', counts: '', at: -Infinity };
  let detailsToldAt = -Infinity;

  channel.onMessage('details', (payload) => {
    const heard = detailsSchema.parse(payload);
    detailsOf.set(heard.node, heard.details);
  });

  function make(list: readonly NodeState[], kind: WatchKind): ClusterStatistics {
    const leading = leader();
    return {
      at: clock.now(),
      nodes: list.map(({ node, isLeaving, uptimeMs, connections, users, anonymous }) => {
        const more = kind === 'details' ? detailsOf.get(node) : undefined;
        return {
          node,
          state: isLeaving ? 'draining' : 'serving',
          leader: node === leading,
          uptimeMs,
          connections,
          users,
          anonymous,
          ...(more !== undefined && { details: more }),
        };
      }),
    };
  }

  /** So that everybody is told them in one order. */
  function sorted(): NodeState[] {
    return nodes().toSorted(byNode);
  }

  function publish(list: readonly NodeState[]): void {
    const isWanted = list.some(({ wantsDetails }) => wantsDetails);
    if (!isWanted) detailsOf.clear();
    else
      for (const node of detailsOf.keys()) if (!list.some((one) => one.node === node)) detailsOf.delete(node);
    const now = clock.monotonic();
    if (!isWanted || now - publishedAt < detailsEveryMs) return;
    publishedAt = now;
    const own = details();
    detailsOf.set(self, own);
    channel.send('details', { node: self, details: own });
  }

  /** `isUrgent`: however short ago the last change was told. */
  function look(isUrgent = false): void {
    const list = sorted();
    publish(list);
    const now = clock.monotonic();
    const sign = signOf(list, leader());
    const sinceMs = now - told.at;
    const isDue =
      sign.cluster === told.cluster
        ? sign.counts !== told.counts &&
          sinceMs >= Math.max(spacingMs, spacingMsPerWatcher * watchers.count('counts'))
        : isUrgent || sinceMs >= spacingMs;
    if (isDue) {
      told = { ...sign, at: now };
      if (watchers.count('counts') > 0) watchers.tell('counts', make(list, 'counts'));
    }
    if (watchers.count('details') === 0 || !(isDue || now - detailsToldAt >= detailsEveryMs)) return;
    detailsToldAt = now;
    watchers.tell('details', make(list, 'details'));
  }

  const stop = clock.every(lookMs, look);

  return {
    now: (kind) => {
      const list = sorted();
      const sign = signOf(list, leader());
      // Were it as before again at the next look, that would seem no change.
      if (sign.cluster !== told.cluster) told.cluster = '';
      if (sign.counts !== told.counts) told.counts = '';
      return make(list, kind);
    },
    nodesDepart: () => look(true),
    close: stop,
  };
}
