/**
 * Out of phase: each symbol ticks at a time of its own, as real sources do. A server that writes each tick at once then makes a write
 * per tick and client.
 */
import type { PeerName } from '../peers/server-calls.ts';
import { shown } from '../results.ts';
import { rows } from '../rows.ts';
import { median } from '../statistics.ts';
import type { Bench } from './bench.ts';
import { inGroups, reportCpu, takeTurns, type Audience, type Contender, type StageRound } from './stage.ts';

const everyMs = 500;
const peers = ['ours', 'floor', 'ws', 'stock', 'bun'] as const;

/** Reports processor time per tick of a whole server against every peer, and the age of ours' ticks. */
export async function measurePhases(bench: Bench): Promise<void> {
  const few = await measure(bench, '20 symbols', inGroups(1_000, 20), peers.map(contender));
  reportCpu(bench, few, [
    [rows.spreadBun20, 'ours', 'bun'],
    [rows.spreadStock20, 'ours', 'stock'],
    [rows.spreadWs20, 'ours', 'ws'],
    [rows.spreadFloor20, 'ours', 'floor'],
  ]);
  bench.report(
    rows.spreadAge20,
    ages(few, 'ours', 'ageP99').map((ours) => ({ ours })),
  );
  const many = await measure(
    bench,
    '100 symbols',
    inGroups(1_000, 100),
    (['ours', 'floor', 'bun'] as const).map(contender),
  );
  reportCpu(bench, many, [
    [rows.spreadBun100, 'ours', 'bun'],
    [rows.spreadFloor100, 'ours', 'floor'],
  ]);
  bench.report(
    rows.spreadAge100,
    ages(many, 'ours', 'ageP99').map((ours) => ({ ours })),
  );
  // With 1,000 clients stock and ws would need more than a core, and their ticks would pile up into writes of several.
  const fewer = await measure(bench, '100 symbols, 250 clients', inGroups(250, 100), peers.map(contender));
  reportCpu(bench, fewer, [
    [rows.fewerBun100, 'ours', 'bun'],
    [rows.fewerStock100, 'ours', 'stock'],
    [rows.fewerWs100, 'ours', 'ws'],
    [rows.fewerFloor100, 'ours', 'floor'],
  ]);
}

/** Reports the age of ticks that come alone: a flush window must not delay them. */
export async function measureLone(bench: Bench): Promise<void> {
  const rounds = await measure(bench, 'a lone tick', inGroups(1_000, 1), [
    contender('ours'),
    contender('stock'),
    { ...contender('ours'), name: 'at once', request: { peer: 'ours', without: 'flush window' } },
  ]);
  for (const [row, peer] of [
    [rows.loneStock, 'stock'],
    [rows.loneAtOnce, 'at once'],
  ] as const)
    bench.report(
      row,
      ages(rounds, 'ours', 'ageP50').map((ours, i) => ({
        ours,
        peer: ages(rounds, peer, 'ageP50')[i] ?? NaN,
      })),
    );
}

type Peer = Omit<Contender, 'audience' | 'turns' | 'warmUp' | 'phases'>;

function contender(peer: PeerName): Peer {
  return { name: peer, request: { peer } };
}

async function measure(
  bench: Bench,
  experiment: string,
  audience: Audience,
  contenders: readonly Peer[],
): Promise<Map<string, StageRound[]>> {
  const rounds = await takeTurns(
    bench,
    `out of phase, ${experiment}`,
    contenders.map((one) => ({
      ...one,
      audience,
      turns: bench.quick ? 3 : 6,
      warmUp: 4,
      phases: { are: 'spread', everyMs },
    })),
  );
  for (const { name } of contenders) {
    const [p50, p99] = (['ageP50', 'ageP99'] as const).map((key) => shown(median(ages(rounds, name, key))));
    // The floor's bytes, and the time in them, are made before the run.
    if (name !== 'floor') bench.note(`out of phase, ${experiment}, ${name}: age p50 ${p50}, p99 ${p99} ms`);
  }
  bench.noteDriver(
    `out of phase, ${experiment}`,
    [...rounds.values()].flatMap((list) => list.map(({ tally }) => tally)),
  );
  return rounds;
}

function ages(
  rounds: ReadonlyMap<string, readonly StageRound[]>,
  name: string,
  key: 'ageP50' | 'ageP99',
): number[] {
  return (rounds.get(name) ?? []).map(({ tally }) => tally[key]);
}
