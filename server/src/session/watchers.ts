/**
 * Clients of this replica that watch the cluster, in two rooms: one event for each, encoded once. Knows not where the
 * statistics come from. Keeps SPEC.md [CS2], [CS3], [CS5].
 */
import type { ClusterStatistics } from '../../protocol/index.ts';
import type { Client } from './client.ts';
import type { SocketServer } from './socket-server.ts';

/** `counts` is for everybody, `details` for those with an API key. */
export type WatchKind = 'counts' | 'details';

const rooms: Readonly<Record<WatchKind, string>> = {
  counts: 'watch:cluster',
  details: 'watch:cluster:details',
};

/** Where the rooms are, and what a client is told when it begins to watch. */
export interface WatchersOptions {
  io: SocketServer;
  /** As they are now. */
  statistics: (kind: WatchKind) => ClusterStatistics;
}

/** Who watches at this replica; a client that is gone watches no more. */
export interface Watchers {
  /** How many watch. */
  count(kind: WatchKind): number;
  tell(kind: WatchKind, statistics: ClusterStatistics): void;
  /** Tells the client the statistics, and from now on each change. */
  watch(client: Client): void;
  unwatch(client: Client): void;
}

const roomOf = ({ data }: Client): WatchKind => (data.operator === undefined ? 'counts' : 'details');

/** Tells nothing of itself but to a client that begins to watch: whoever has news calls `tell`. */
export function createWatchers({ io, statistics }: WatchersOptions): Watchers {
  return {
    count: (kind) => io.sockets.adapter.rooms.get(rooms[kind])?.size ?? 0,
    tell: (kind, told) => void io.local.to(rooms[kind]).emit('cluster', told),
    watch: (client) => {
      const kind = roomOf(client);
      client.emit('cluster', statistics(kind));
      void client.join(rooms[kind]);
    },
    unwatch: (client) => void client.leave(rooms[roomOf(client)]),
  };
}
