/** What the parts of ours cost that the other peers have not: a replica as it is shipped, beside one without the part. */
import type { Part } from '../peers/left-out.ts';
import { rows } from '../rows.ts';
import type { Bench } from './bench.ts';
import { inBaskets, takeTurns, warmUpTurns, type Contender, type StageRound } from './stage.ts';

const parts = ['windows', 'recovery', 'metrics'] as const satisfies readonly Part[];
const rowOf = { windows: rows.windows, recovery: rows.recovery, metrics: rows.metrics } as const;

/**
 * Reports the processor time per tick of a replica as it is shipped against each one that leaves out windows, recovery
 * or metrics.
 */
export async function measureCosts(bench: Bench): Promise<void> {
  const audience = inBaskets(1_000, 20);
  const turns = bench.quick ? 8 : 40;
  const shipped: Contender = {
    name: 'shipped',
    request: { peer: 'ours' },
    audience,
    turns,
    warmUp: warmUpTurns,
  };
  const rounds = await takeTurns(bench, 'costs', [
    shipped,
    ...parts.map((part) => ({
      name: `without ${part}`,
      request: { peer: 'ours' as const, without: part },
      audience,
      turns,
      warmUp: warmUpTurns,
    })),
  ]);
  const of = (name: string): StageRound[] => rounds.get(name) ?? [];
  for (const part of parts)
    bench.report(
      rowOf[part],
      of('shipped').map(({ cpu }, i) => ({ ours: cpu, peer: of(`without ${part}`)[i]?.cpu ?? NaN })),
    );
  bench.noteDriver(
    'what parts cost',
    [...rounds.values()].flatMap((list) => list.map(({ tally }) => tally)),
  );
}
