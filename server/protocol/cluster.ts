/** What is told to those who watch the cluster, and the topics that may be watched. The rules are numbered in SPEC.md [CS1] to [CS5]. */
import type { Freshness, Refusal } from './types.ts';

/** What may be watched. */
export const watchTopics = ['cluster'] as const;

/** One of them, in `watch` and `unwatch` [CS1]. */
export type WatchTopic = (typeof watchTopics)[number];

/** One replica, as it last told. */
export interface NodeStatistics {
  node: string;
  /** `draining` while it sends its clients away. */
  state: 'serving' | 'draining';
  /** Whether it is the leader, as far as the replica knows that tells of it. */
  leader: boolean;
  /** How long it has run. */
  uptimeMs: number;
  /** Sessions on it, those of plain WebSockets too. */
  connections: number;
  /** Different users among them. One who is connected to two replicas counts at both. */
  users: number;
  /** Connections among them that are of no user. */
  anonymous: number;
  /** For those with an API key alone; absent until it has told them, for a second at most. */
  details?: NodeDetails;
}

/** Everything else of one replica, over the last second. */
export interface NodeDetails {
  /** Connections that have each symbol, by their rate (`everyMs`); symbols that nobody has are left out. */
  symbols: Record<string, Record<string, number>>;
  /** Connections over plain WebSockets. */
  plain: number;
  /** Clients for which ticks wait, as they take less than they are sent. */
  slowClients: number;
  perSecond: {
    /** Ticks that arrived of symbols that somebody here has, */
    ticksIn: number;
    /** ticks written to connections, one for each, */
    ticksOut: number;
    /** and ticks that were merged into a newer one, for slow clients. */
    merged: number;
    messagesIn: number;
    messagesOut: number;
  };
  memory: { rssBytes: number; heapBytes: number };
  eventLoop: {
    /** By how much a timer was late, at most. */
    lagMs: number;
    /** The share of the time in which it was at work, from 0 to 1. */
    busy: number;
  };
  backplane: 'up' | 'down';
  feed: Freshness;
}

/** The `cluster` event. */
export interface ClusterStatistics {
  /** Epoch milliseconds of the replica that tells. */
  at: number;
  /** Every replica that is there, by name. */
  nodes: NodeStatistics[];
}

/** The answer to `watch` and to `unwatch`. A refusal holds the current set of symbols, as every refused call does [C2]. */
export type WatchAck = { ok: true } | ({ ok: false; symbols?: string[] } & Refusal);
