/**
 * What a tick costs from its source to the last of three replicas. Processor time is measured at several numbers of ticks per second,
 * and a line is fitted: its slope is the cost of a tick, its intercept the cost of a second without ticks.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { shown } from '../results.ts';
import { rows } from '../rows.ts';
import { fitLine, median } from '../statistics.ts';
import type { Bench } from './bench.ts';
import { onBus, type BusParts, type BusStage } from './bus-stage.ts';

/** Symbols that tick at 2 Hz. None of them ticks at 0. */
const sizes = [0, 100, 1_000, 5_000] as const;
const everyMs = 500;
/** Long enough that no second tick comes. */
const neverMs = 3_600_000;
const parts = ['leader', 'follower', 'redis'] as const;
const rowsOf = {
  leader: [rows.busLeader, rows.busLeaderRest],
  follower: [rows.busFollower, rows.busFollowerRest],
  redis: [rows.busRedis, rows.busRedisRest],
} as const;

/** Ticks per second, microseconds per second of each part, and the oldest ticks at the clients of followers. */
interface BusRound extends BusParts {
  rate: number;
  ageP50: number;
  ageP99: number;
}

/** Reports slope and intercept of each part, the age at the followers, and what replicas take that do nothing. */
export async function measureBus(bench: Bench): Promise<void> {
  const found: BusRound[][] = [];
  for (const size of sizes) found.push(await measureSize(bench, size, 'burst'));
  for (const part of parts) {
    const lines = Array.from({ length: bench.rounds }, (_, round) =>
      fitLine(found.map((ofSize) => ({ x: ofSize[round]?.rate ?? NaN, y: ofSize[round]?.[part] ?? NaN }))),
    );
    const [slopes, intercepts] = rowsOf[part];
    bench.report(
      slopes,
      lines.map(({ slope }) => ({ ours: slope })),
    );
    bench.report(
      intercepts,
      lines.map(({ intercept }) => ({ ours: intercept / 1_000 })),
    );
  }
  bench.report(
    rows.busAgeInPhase,
    (found.at(-1) ?? []).map(({ ageP99 }) => ({ ours: ageP99 })),
  );
  const spread = await measureSize(bench, 5_000, 'spread');
  bench.report(
    rows.busAge,
    spread.map(({ ageP99 }) => ({ ours: ageP99 })),
  );
  await measureIdle(bench);
}

async function measureSize(
  bench: Bench,
  size: (typeof sizes)[number],
  phase: 'burst' | 'spread',
): Promise<BusRound[]> {
  const settings = {
    FEEDS: 'simulator',
    SIMULATOR_PHASE: phase,
    UPDATE_INTERVAL: String(size === 0 ? neverMs : everyMs),
  };
  const roundMs = bench.quick ? 2_000 : 4_000;
  const rounds = await onBus(bench, { symbols: size || 100, settings }, async (stage) => {
    // Only whole turns count: each replica has every tick when the clock starts, and when it stops.
    const isInTurns = phase === 'burst' && size > 0;
    const look = async () => {
      if (isInTurns) await stage.turnEnd();
      return stage.seen();
    };
    const play = () => playRound(stage, look, roundMs);
    // Until the code that runs is compiled.
    await play();
    const profiles = bench.profiles !== null && size === 5_000 ? bench.profiles : null;
    if (profiles !== null) for (const { calls } of stage.servers) await calls.startProfile();
    const played: BusRound[] = [];
    for (let round = 0; round < bench.rounds; round++) played.push(await play());
    if (profiles !== null)
      for (const [i, { calls }] of stage.servers.entries())
        await calls.writeProfile(
          join(profiles, `bus-${phase}-${i === 0 ? 'leader' : `follower-${i}`}.cpuprofile`),
        );
    return played;
  });
  const middle = (of: (round: BusRound) => number) => shown(median(rounds.map(of)));
  bench.note(
    `bus, ${size} symbols at 2 Hz, ${phase === 'burst' ? 'in phase' : 'out of phase'}: ${middle(({ rate }) => rate)} ticks per second; ` +
      `leader ${middle(({ leader }) => leader / 1_000)}, follower ${middle(({ follower }) => follower / 1_000)}, Redis ${middle(({ redis }) => redis / 1_000)} CPU-ms per second; ` +
      `age at a follower's client p50 ${middle(({ ageP50 }) => ageP50)}, p99 ${middle(({ ageP99 }) => ageP99)} ms`,
  );
  return rounds;
}

async function playRound(stage: BusStage, look: () => Promise<number[]>, roundMs: number): Promise<BusRound> {
  const seenBefore = await look();
  const before = stage.used();
  const startedAt = performance.now();
  await stage.tallies();
  await delay(roundMs);
  const seen = await look();
  const after = stage.used();
  const seconds = (performance.now() - startedAt) / 1_000;
  const all = await stage.tallies();
  if (all.some(({ merged }) => merged > 0)) throw new Error('the bus is no result: ticks were merged');
  const tallies = all.slice(1);
  const perSecond = (part: keyof BusParts) => (after[part] - before[part]) / seconds;
  return {
    rate: median(seen.map((count, i) => count - (seenBefore[i] ?? NaN))) / seconds,
    leader: perSecond('leader'),
    follower: perSecond('follower'),
    redis: perSecond('redis'),
    ageP50: Math.max(...tallies.map(({ ageP50 }) => ageP50)),
    ageP99: Math.max(...tallies.map(({ ageP99 }) => ageP99)),
  };
}

async function measureIdle(bench: Bench): Promise<void> {
  const settings = { FEEDS: 'push' };
  const rounds = await onBus(bench, { symbols: 100, settings, isServed: false }, async ({ used }) => {
    // Node collects the garbage of the start some 10 seconds later.
    await delay(15_000);
    const idleMs = bench.quick ? 3_000 : 5_000;
    const found: BusParts[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      const before = used();
      await delay(idleMs);
      const after = used();
      const perSecond = (part: keyof BusParts) => (after[part] - before[part]) / idleMs;
      found.push({
        leader: perSecond('leader'),
        follower: perSecond('follower'),
        redis: perSecond('redis'),
      });
    }
    return found;
  });
  assert(rounds.length > 0);
  const middle = (part: keyof BusParts) => shown(median(rounds.map((round) => round[part])));
  bench.note(
    `bus, no clients and no ticks: leader ${middle('leader')}, follower ${middle('follower')}, Redis ${middle('redis')} CPU-ms per second`,
  );
  // Of the three replicas one leads.
  bench.report(
    rows.busIdle,
    rounds.map(({ leader, follower }) => ({ ours: (leader + 2 * follower) / 3 })),
  );
}
