/** What parts of ours cost that no other peer has: the fan-out stage as it is shipped, beside one without the part. */
import type { Part } from '../peers/left-out.ts';
import { rows } from '../rows.ts';
import type { Bench } from './bench.ts';
import { inGroups, inPhase, reportCpu, takeTurns, warmUpTurns } from './stage.ts';

const parts = [
  'flush window',
  'slow-client windows',
  'recovery',
  'metrics',
] as const satisfies readonly Part[];
const rowOf = {
  'flush window': rows.flushWindow,
  'slow-client windows': rows.windows,
  recovery: rows.recovery,
  metrics: rows.metrics,
} as const;

/** Reports the processor time per tick of the stage as it is shipped against each one that leaves a part out. */
export async function measureCosts(bench: Bench): Promise<void> {
  const common = {
    audience: inGroups(1_000, 20),
    turns: bench.quick ? 8 : 20,
    warmUp: warmUpTurns,
    phases: inPhase,
  };
  const rounds = await takeTurns(bench, 'costs', [
    { ...common, name: 'shipped', request: { peer: 'our stage' } },
    ...parts.map((part) => ({
      ...common,
      name: `without ${part}`,
      request: { peer: 'our stage' as const, without: part },
    })),
  ]);
  reportCpu(
    bench,
    rounds,
    parts.map((part) => [rowOf[part], 'shipped', `without ${part}`] as const),
  );
  bench.noteDriver(
    'what parts cost',
    [...rounds.values()].flatMap((list) => list.map(({ tally }) => tally)),
  );
}
