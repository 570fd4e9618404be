/**
 * Every figure of a replica by its name, and the functions by which the composition root tells what happens. So stages
 * have callbacks and no metrics. Names are kept: dashboards know them.
 */
import type { Clock } from '../support/clock.ts';
import type { Metrics } from '../support/metrics.ts';
import { createBackendMetrics, type BackendMetrics } from './backend-metrics.ts';
import { createApiMetrics, type ApiMetrics } from './api-metrics.ts';
import { createBackplaneMetrics, type WatchedBackplane } from './backplane-metrics.ts';
import { createLeaderMetrics, type LeaderMetrics } from './leader-metrics.ts';
import { createSocketMetrics, type SocketMetrics, type SocketTraffic } from './socket-metrics.ts';
import { createTickMetrics, type FanoutTraffic, type TickMetrics } from './tick-metrics.ts';
import { createUserMetrics, type UserMetrics } from './user-metrics.ts';

/** Everything that a replica can tell of. */
export interface ReplicaMetrics
  extends SocketMetrics, TickMetrics, LeaderMetrics, UserMetrics, ApiMetrics, BackendMetrics {}

/** Declares every figure. `traffic`, `fanout` and `users` are read when somebody asks; `backplane` is listened to. */
export function createReplicaMetrics(options: {
  metrics: Metrics;
  clock: Pick<Clock, 'now' | 'monotonic'>;
  traffic: () => SocketTraffic;
  fanout: () => FanoutTraffic;
  /** Symbols that a client here receives ticks of. */
  symbols: () => number;
  /** How many users have a session here. */
  users: () => number;
  backplane: WatchedBackplane;
}): ReplicaMetrics {
  createBackplaneMetrics(options);
  return {
    ...createSocketMetrics({ ...options, direct: () => options.fanout().direct }),
    ...createTickMetrics(options),
    ...createLeaderMetrics(options),
    ...createUserMetrics(options),
    ...createApiMetrics(options),
    ...createBackendMetrics(options),
  };
}
