/** The rows of the fan-out stage: ours against the floor, against stock and against plain ws. */
import { rows } from '../rows.ts';
import type { Bench } from './bench.ts';
import { contendersFor, inBaskets, ownBaskets, takeTurns, type Contender, type StageRound } from './stage.ts';
import type { Row } from '../rows.ts';

const clients = 1_000;

/**
 * Reports processor time per tick for 1,000 clients, with few and many symbols, and with baskets that no two share.
 * Rejects where a byte or a tick was missing.
 */
export async function measureStage(bench: Bench): Promise<void> {
  const { quick } = bench;
  await measure(
    bench,
    '1 symbol in 4 baskets',
    contendersFor(inBaskets(clients, 1), { quick: quick ? 10 : 60, slow: quick ? 10 : 60 }, [
      'ours',
      'stock',
    ]),
    { stock: rows.stock1 },
  );
  await measure(
    bench,
    '20 symbols in 4 baskets',
    contendersFor(inBaskets(clients, 20), { quick: quick ? 8 : 40, slow: quick ? 1 : 6 }, [
      'ours',
      'floor',
      'stock',
      'ws',
    ]),
    { floor: rows.floor20, stock: rows.stock20, ws: rows.ws20 },
  );
  await measure(
    bench,
    '100 symbols in 4 baskets',
    contendersFor(inBaskets(clients, 100), { quick: quick ? 6 : 30, slow: quick ? 1 : 2 }, [
      'ours',
      'floor',
      'stock',
      'ws',
    ]),
    { floor: rows.floor100, stock: rows.stock100, ws: rows.ws100 },
  );
  await measure(
    bench,
    '20 symbols, own baskets',
    contendersFor(ownBaskets(clients, 20), { quick: quick ? 8 : 40, slow: 0 }, ['ours', 'floor']),
    { floor: rows.floorOwn },
  );
}

/** The rows of one audience, by the peer that ours is held against. */
async function measure(
  bench: Bench,
  experiment: string,
  all: readonly Contender[],
  byPeer: Record<string, Row>,
): Promise<void> {
  const rounds = await takeTurns(bench, experiment, all);
  const of = (name: string): StageRound[] => rounds.get(name) ?? [];
  for (const [peer, row] of Object.entries(byPeer))
    bench.report(
      row,
      of('ours').map(({ cpu }, i) => ({ ours: cpu, peer: of(peer)[i]?.cpu ?? NaN })),
    );
  bench.noteDriver(
    experiment,
    [...rounds.values()].flatMap((list) => list.map(({ tally }) => tally)),
  );
}
