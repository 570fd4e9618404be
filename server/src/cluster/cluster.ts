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
import type { NodeState } from './nodes.ts';
import { createPeers, type Peers, type PeersOptions } from './peers.ts';
import { createStatistics, type Statistics, type StatisticsOptions } from './statistics.ts';

export interface ClusterOptions
  extends
    Pick<PeersOptions, 'clock' | 'log' | 'node' | 'onDrain' | 'collect' | 'answers'>,
    Pick<ConnectionCountsOptions, 'connections'>,
    Pick<StatisticsOptions, 'leader' | 'details' | 'watchers'> {
  io: Server;
  /** This replica as it is now. */
  self: () => Omit<NodeState, 'node' | 'uptimeMs' | 'wantsDetails'>;
}

export interface Cluster extends Peers {
  /** What is told to those who watch the cluster, as it is now. */
  statistics: Statistics['now'];
  countConnections: ConnectionCounts['count'];
}

/** Tells nothing before `start`. */
export function createCluster(options: ClusterOptions): Cluster {
  const { io, clock, log, self, watchers } = options;
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

  return {
    ...peers,
    countConnections: (user) => counts.count(user),
    statistics: (kind) => statistics.now(kind),
    close: () => {
      statistics.close();
      peers.close();
    },
  };
}
