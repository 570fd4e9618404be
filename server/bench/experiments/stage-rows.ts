/** In phase: the fan-out stage against the floor, stock and plain ws, and the whole server against Bun. */
import { rows, type Row } from '../rows.ts';
import type { Bench } from './bench.ts';
import { contendersFor, inGroups, ownGroups, reportCpu, takeTurns, type Contender } from './stage.ts';

const clients = 1_000;
type RowOf = readonly [row: Row, ours: 'ours' | 'our stage', peer: string];

/** Reports processor time per tick for 1,000 clients. Rejects if a byte or a tick was missing. */
export async function measureStage(bench: Bench): Promise<void> {
  const turns = (quick: number, slow: number) =>
    bench.quick ? { quick: Math.ceil(quick / 5), slow: Math.ceil(slow / 5) } : { quick, slow };
  await measure(
    bench,
    '1 symbol',
    contendersFor(inGroups(clients, 1), turns(40, 40), ['our stage', 'stock', 'ours', 'bun']),
    [
      [rows.stock1, 'our stage', 'stock'],
      [rows.bun1, 'ours', 'bun'],
    ],
  );
  const all = ['our stage', 'floor', 'stock', 'ws', 'ours', 'bun'] as const;
  await measure(bench, '20 symbols', contendersFor(inGroups(clients, 20), turns(30, 5), all), [
    [rows.floor20, 'our stage', 'floor'],
    [rows.stock20, 'our stage', 'stock'],
    [rows.ws20, 'our stage', 'ws'],
    [rows.bun20, 'ours', 'bun'],
  ]);
  await measure(bench, '100 symbols', contendersFor(inGroups(clients, 100), turns(25, 2), all), [
    [rows.floor100, 'our stage', 'floor'],
    [rows.stock100, 'our stage', 'stock'],
    [rows.ws100, 'our stage', 'ws'],
    [rows.bun100, 'ours', 'bun'],
  ]);
  await measure(
    bench,
    '20 symbols, own sets',
    contendersFor(ownGroups(clients, 20), turns(30, 0), ['our stage', 'floor']),
    [[rows.floorOwn, 'our stage', 'floor']],
  );
}

async function measure(
  bench: Bench,
  experiment: string,
  contenders: readonly Contender[],
  rowsOf: readonly RowOf[],
): Promise<void> {
  const rounds = await takeTurns(bench, experiment, contenders);
  reportCpu(bench, rounds, rowsOf);
  bench.noteDriver(
    `in phase, ${experiment}`,
    [...rounds.values()].flatMap((list) => list.map(({ tally }) => tally)),
  );
}
