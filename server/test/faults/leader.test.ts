/** The leader killed again and again. */
import { ttlMs } from './fault-cluster.ts';
import { leaderRow, rounds } from './leader-row.ts';

leaderRow({
  fault: `kill -9 leader, ${rounds} times`,
  promise: 'ticks again within TTL + 1 s (3 s), 0 duplicates, 0 lost after acceptance',
  signal: 'SIGKILL',
  maxPauseMs: ttlMs + 1_000,
});
