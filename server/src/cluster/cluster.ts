/**
 * All that concerns the other replicas, joined: who is there, what they can be asked, and the statistics of all. The one
 * place that knows how these depend on each other.
 */
import type { Server } from 'socket.io';
import {
  createConnectionCounts,
  type ConnectionCounts,
  type ConnectionCountsOptions,
} from './connection-counts.ts';
import { createNodeChannel } from './node-channel.ts';
import { createNodeLosses, type LossListener } from './node-losses.ts';
import type { NodeState } from './nodes.ts';
import { createPeers, type Peers, type PeersOptions } from './peers.ts';
import { createStatistics, type Statistics, type StatisticsOptions } from './statistics.ts';

/** What the parts below need, the replica's own figures among it. */
export interface ClusterOptions
  extends
    Pick<PeersOptions, 'clock' | 'log' | 'node' | 'onDrain' | 'collect' | 'answers'>,
    Pick<ConnectionCountsOptions, 'connections'>,
    Pick<StatisticsOptions, 'leader' | 'details' | 'watchers'> {
  io: Server;
  /** This replica as it is now. */
  self: () => Omit<NodeState, 'node' | 'uptimeMs' | 'wantsDetails'>;
  /** Who is told of replicas that died; null where nobody is. */
  lossListener: LossListener | null;
  /** As of `createNodeLosses`. */
  probe: () => Promise<unknown>;
}

/** The other replicas to this one, and the statistics of all. */
export interface Cluster extends Peers {
  /** What is told to those who watch the cluster, as it is now. */
  statistics: Statistics['now'];
  countConnections: ConnectionCounts['count'];
  /** This replica's instance, by which it is lost when it dies; empty where nobody is told of that. */
  instance(): string;
  /** Nothing is left to be told of this replica: it is not lost when it ends. */
  left(): void;
}

/** Tells nothing before `start`. */
export function createCluster(options: ClusterOptions): Cluster {
  const { io, clock, log, self, watchers, lossListener: listener } = options;
  const channel = createNodeChannel({ io, log });
  const startedAt = clock.monotonic();
  const counts = createConnectionCounts({
    ...options,
    ask: (question, asked) => peers.askOthers(question, asked),
  });
  const peers: Peers = createPeers({
    ...options,
    answers: { ...options.answers, ...counts.answers },
    channel,
    self: () => ({
      ...self(),
      uptimeMs: Math.round(clock.monotonic() - startedAt),
      wantsDetails: watchers.count('details') > 0,
    }),
    onDeparture: () => statistics.nodesDepart(),
  });
  const statistics = createStatistics({ ...options, channel, nodes: () => peers.list() });
  const losses =
    listener === null
      ? null
      : createNodeLosses({ ...options, channel, listener, isLeaving: () => self().isLeaving });

  return {
    ...peers,
    start: () => {
      peers.start();
      losses?.start();
    },
    tell: () => {
      peers.tell();
      losses?.tell();
    },
    instance: () => losses?.instance() ?? '',
    left: () => losses?.left(),
    countConnections: (user) => counts.count(user),
    statistics: (kind) => statistics.now(kind),
    close: () => {
      statistics.close();
      losses?.close();
      peers.close();
    },
  };
}
