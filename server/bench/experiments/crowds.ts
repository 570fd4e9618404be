/** Ours against itself: few clients and many, and with one that reads nothing. */
import { median } from '../statistics.ts';
import { rows } from '../rows.ts';
import { shown, type Round } from '../results.ts';
import { assertClean, type Bench } from './bench.ts';
import {
  enter,
  inGroups,
  inPhase,
  leave,
  playRound,
  takeTurns,
  warmUpTurns,
  type Contender,
} from './stage.ts';

const sizes = [250, 1_000, 4_000] as const;

/** Each size is a server of its own. The ratio of a round is that of its largest result to its smallest. */
export async function measureSizes(bench: Bench): Promise<void> {
  const turns = bench.quick ? 6 : 12;
  const contenders = sizes.map((clients): Contender => ({
    name: `${clients} clients`,
    request: { peer: 'our stage' },
    audience: inGroups(clients, 20),
    // As many ticks as far as that goes, so that each round is as long.
    turns: Math.max(2, Math.ceil((turns * 1_000) / clients)),
    warmUp: warmUpTurns,
    phases: inPhase,
  }));
  const rounds = await takeTurns(bench, 'sizes', contenders);
  const bySize = contenders.map(({ name }) => rounds.get(name) ?? []);
  const found = Array.from({ length: bench.rounds }, (_, round): Round => {
    const cpu = bySize.map((of) => of[round]?.cpu ?? NaN);
    return { ours: Math.max(...cpu), peer: Math.min(...cpu) };
  });
  bench.report(rows.sizes, found);
  for (const [i, of] of bySize.entries())
    bench.note(`${contenders[i]?.name}: ${shown(median(of.map(({ cpu }) => cpu)))} ${rows.sizes.unit}`);
  bench.noteDriver(
    '250, 1,000 and 4,000 clients',
    bySize.flatMap((of) => of.map(({ tally }) => tally)),
  );
}

/** The same clients with and without one more that is subscribed to every symbol and has stopped reading. */
export async function measureStuck(bench: Bench): Promise<void> {
  const audience = inGroups(1_000, 20);
  const turns = bench.quick ? 10 : 20;
  const contender: Contender = {
    name: 'ours',
    request: { peer: 'our stage' },
    audience,
    turns,
    warmUp: warmUpTurns,
    phases: inPhase,
  };
  const entered = await enter(bench, contender);
  const { driver } = bench;
  const withStuck = async () => {
    const { crowd } = await driver.calls.open({
      port: entered.server.port,
      clients: 1,
      symbols: audience.symbols,
      groups: [audience.groups.flat()],
      parallel: 1,
      awaitsSnapshot: true,
    });
    await driver.calls.stick(crowd);
    try {
      const round = await playRound(bench, entered, turns);
      assertClean('the stuck client', await driver.calls.tally(crowd));
      return round;
    } finally {
      await driver.calls.close(crowd);
    }
  };
  const tallies = [];
  const found: Round[] = [];
  try {
    await playRound(bench, entered, warmUpTurns);
    for (let round = 0; round < bench.rounds; round++) {
      // In another order each time.
      const first = round % 2 === 0 ? await withStuck() : null;
      const without = await playRound(bench, entered, turns);
      const stuck = first ?? (await withStuck());
      tallies.push(stuck.tally, without.tally);
      found.push({ ours: stuck.tally.ageP99, peer: without.tally.ageP99 });
    }
  } finally {
    await leave(bench, entered);
  }
  bench.report(rows.stuck, found);
  bench.noteDriver('one stuck client', tallies);
}
