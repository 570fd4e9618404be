/** The leader drained again and again. */
import { leaderRow, rounds } from './leader-row.ts';

leaderRow({
  fault: `SIGTERM leader, ${rounds} times (drains of 1 s)`,
  promise: 'pause at most 0.5 s, 0 lost',
  cluster: { nginx: { failTimeoutMs: 1_000 }, env: { DRAIN_MS: '1000' } },
  signal: 'SIGTERM',
  maxPauseMs: 500,
});
