/**
 * What a tick takes from its source to the last replica: a leader and two followers over a true Redis, every symbol served on
 * all three, to one client each. Rounds begin and end in the calm between two turns, when every replica has every
 * tick: what was appended and what came to each replica must be the very same number.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createClient } from 'redis';
import { startRedis } from '../../test/support/processes/start-redis.ts';
import type { Tally } from '../driver/driver-calls.ts';
import { median } from '../median.ts';
import { processorTime } from '../processor-time.ts';
import { figure } from '../results.ts';
import { rows, type Row } from '../rows.ts';
import { symbolNames } from '../script.ts';
import { assertClean, type Bench, type Server } from './bench.ts';

const replicas = 3;
const sizes = [100, 1_000, 5_000] as const;
type Size = (typeof sizes)[number];
/** Milliseconds between two turns: enough for all ticks of one on a busy machine, with a calm behind. */
const intervalOf: Record<Size, number> = { 100: 500, 1_000: 1_000, 5_000: 2_500 };
/** Long enough that no second turn comes. */
const idleIntervalMs = 3_600_000;
const idleMs = 5_000;
/** Symbols of one client: what they get in a turn fits into what it may be sent before it has answered. One write for them all is next to nothing. */
const pageSize = 50;
const startWithinMs = 20_000;
const calmWithinMs = 30_000;
const maxRepeats = 3;
/** Who counts the same for so long has nothing on its way. */
const calmMs = 200;
const lookMs = 50;

/** Microseconds per tick of each part, and what Redis did for one. */
interface BusRound {
  leader: number;
  follower: number;
  redis: number;
  bytesIn: number;
  bytesOut: number;
  commands: number;
  tally: Tally;
}

const rowsOf: Record<Exclude<Size, 100>, Record<'leader' | 'follower' | 'redis', Row>> = {
  1_000: { leader: rows.busLeader1000, follower: rows.busFollower1000, redis: rows.busRedis1000 },
  5_000: { leader: rows.busLeader5000, follower: rows.busFollower5000, redis: rows.busRedis5000 },
};

/**
 * Reports processor time per tick at 1,000 and 5,000 symbols against 100, and notes what idle replicas take. Rejects
 * where a round gave no result, and `maxRepeats` more neither.
 */
export async function measureBus(bench: Bench): Promise<void> {
  const found = new Map<Size, BusRound[]>();
  for (const size of sizes) found.set(size, await measureSize(bench, size));
  await noteIdle(bench);
  const of = (size: Size): BusRound[] => found.get(size) ?? [];
  for (const size of [1_000, 5_000] as const)
    for (const part of ['leader', 'follower', 'redis'] as const)
      bench.report(
        rowsOf[size][part],
        of(size).map((round, i) => ({ ours: round[part], peer: of(100)[i]?.[part] ?? NaN })),
      );
  for (const size of sizes) {
    const middle = (key: Exclude<keyof BusRound, 'tally'>) =>
      figure(median(of(size).map((round) => round[key])));
    const age = (key: 'ageP50' | 'ageP99') => median(of(size).map(({ tally }) => tally[key]));
    bench.note(
      `bus, ${size} symbols: leader ${middle('leader')}, follower ${middle('follower')}, Redis ${middle('redis')} ${rows.busLeader1000.unit}; ` +
        `${middle('commands')} commands, ${middle('bytesIn')} bytes in and ${middle('bytesOut')} out a tick; age at a follower's client p50 ${age('ageP50')}, p99 ${age('ageP99')} ms`,
    );
  }
  bench.noteDriver(
    'from append to the last replica',
    sizes.flatMap((size) => of(size).map(({ tally }) => tally)),
  );
}

async function measureSize(bench: Bench, size: Size): Promise<BusRound[]> {
  return onStage(bench, { size, intervalMs: intervalOf[size] }, async (stage) => {
    const { servers } = stage;
    const turns = bench.quick ? 3 : 6;
    // Until the code that runs is compiled.
    await measureRound(stage, 2 * turns);
    if (bench.profiles !== null) for (const { calls } of servers) await calls.startProfile();
    const rounds: BusRound[] = [];
    for (let round = 0; round < bench.rounds; round++) rounds.push(await measureRound(stage, turns));
    if (bench.profiles !== null)
      for (const [i, { calls }] of servers.entries())
        await calls.writeProfile(
          join(bench.profiles, `bus-${size}-${i === 0 ? 'leader' : `follower-${i}`}.cpuprofile`),
        );
    return rounds;
  });
}

/** What the same processes take when nothing happens. */
async function noteIdle(bench: Bench): Promise<void> {
  await onStage(bench, { size: 100, intervalMs: idleIntervalMs }, async ({ servers, redisPid }) => {
    const look = () => [...servers.map(({ pid }) => pid), redisPid].map((pid) => processorTime([pid]));
    await delay(idleMs);
    const before = look();
    await delay(idleMs);
    const [leader, ...others] = look().map((used, i) => figure((used - (before[i] ?? NaN)) / idleMs));
    const redis = others.pop();
    bench.note(
      `bus, without a tick: leader ${leader}, followers ${others.join(' and ')}, Redis ${redis} CPU-ms per second`,
    );
  });
}

async function onStage<T>(
  bench: Bench,
  { size, intervalMs }: { size: Size; intervalMs: number },
  act: (stage: BusStage) => Promise<T>,
): Promise<T> {
  const symbols = symbolNames(size);
  const redis = await startRedis();
  const asking = createClient({ url: redis.url });
  const servers: Server[] = [];
  const crowds: number[] = [];
  const { calls } = bench.driver;
  try {
    await asking.connect();
    for (let i = 0; i < replicas; i++) {
      const server = await bench.startServer({
        peer: 'our replica',
        symbols,
        redisUrl: redis.url,
        intervalMs,
      });
      servers.push(server);
      await until(async () => (await ask(server, '/health/ready')).ok, startWithinMs);
      // The first one leads before the others come, and there is a price of everything.
      if (i === 0) await until(async () => (await countsOf(server)).appended >= size, startWithinMs);
      crowds.push(await serveAll(bench, server, symbols));
    }
    return await act({ bench, servers, crowds, size, intervalMs, redisPid: redis.pid, asking });
  } finally {
    for (const crowd of crowds) await calls.close(crowd);
    for (const server of servers) await server.close();
    asking.destroy();
    await redis.stop();
  }
}

/** Subscribes to everything, page by page, so that every symbol is served. */
async function serveAll({ driver }: Bench, { port }: Server, symbols: readonly string[]): Promise<number> {
  const pages = Math.ceil(symbols.length / pageSize);
  const { crowd } = await driver.calls.open({
    port,
    clients: pages,
    symbols,
    baskets: Array.from({ length: pages }, (_, page) =>
      Array.from(
        { length: Math.min(pageSize, symbols.length - page * pageSize) },
        (__, i) => page * pageSize + i,
      ),
    ),
    parallel: 10,
    awaitsSnapshot: true,
  });
  return crowd;
}

interface BusStage {
  bench: Bench;
  /** The leader first. */
  servers: readonly Server[];
  /** One of each server, in which every symbol has one client. */
  crowds: readonly number[];
  size: Size;
  intervalMs: number;
  redisPid: number;
  asking: { info(): Promise<string> };
}

/** A round again where the machine stood still in it for so long that ticks were dropped or came from history. */
async function measureRound(stage: BusStage, turns: number): Promise<BusRound> {
  for (let again = maxRepeats; ; again--) {
    const round = await tryRound(stage, turns);
    if (typeof round !== 'string') return round;
    const what = `the bus at ${stage.size} symbols: ${round}`;
    if (again === 0) throw new Error(`${what}, and before too`);
    stage.bench.note(`${what}; once more`);
  }
}

/** From calm to calm, so many turns later, or fewer: the simulator makes none up. Gives why it is no result, where it is none. */
async function tryRound(stage: BusStage, turns: number): Promise<BusRound | string> {
  const { bench, crowds, size, intervalMs } = stage;
  const begin = await lookInCalm(stage);
  const tallies = () => Promise.all(crowds.map((crowd) => bench.driver.calls.tally(crowd)));
  await tallies();
  await delay(turns * intervalMs);
  const end = await lookInCalm(stage);
  const taken = await tallies();
  for (const tally of taken) assertClean(`the bus at ${size} symbols`, tally);
  const grew = (key: keyof Counts): number[] =>
    end.counts.map((counts, i) => counts[key] - (begin.counts[i]?.[key] ?? NaN));
  const [ticks = NaN, ...byFollowers] = grew('appended');
  const came = grew('arrived');
  const told = taken.map((tally) => tally.ticks + tally.merged);
  const tally = taken.at(-1);
  assert(tally !== undefined);
  const isResult =
    ticks > 0 &&
    ticks % size === 0 &&
    byFollowers.every((count) => count === 0) &&
    came.every((count) => count === ticks) &&
    told.every((count) => count === ticks);
  if (!isResult)
    return `${ticks} ticks were appended, and ${byFollowers.join(' and ')} by followers, ${came.join(', ')} came to the replicas, ${told.join(', ')} to their clients`;
  const before = begin.took;
  const after = end.took;
  const [leader = NaN, ...followers] = after.used.map((used, i) => (used - (before.used[i] ?? NaN)) / ticks);
  const grown = (key: string): number =>
    ((after.told.get(key) ?? NaN) - (before.told.get(key) ?? NaN)) / ticks;
  return {
    leader,
    follower: followers.reduce((sum, one) => sum + one, 0) / followers.length,
    redis: (after.redis - before.redis) / ticks,
    bytesIn: grown('total_net_input_bytes'),
    bytesOut: grown('total_net_output_bytes'),
    commands: grown('total_commands_processed'),
    tally,
  };
}

/** What everyone took and has counted at an instant when nothing was on its way. Asks rarely, as to answer takes time too. */
async function lookInCalm({ servers, size, redisPid, asking }: BusStage): Promise<Look> {
  const count = () => Promise.all(servers.map(countsOf));
  let look: Look | undefined;
  await until(
    async () => {
      const told = parseInfo(await asking.info());
      const took = {
        used: servers.map(({ pid }) => processorTime([pid])),
        redis: processorTime([redisPid]),
        told,
      };
      look = { took, counts: await count() };
      await delay(calmMs);
      return isDeepStrictEqual(await count(), look.counts);
    },
    calmWithinMs,
    () => `no calm at ${size} symbols: ${JSON.stringify(look?.counts)}`,
  );
  assert(look !== undefined);
  return look;
}

interface Look {
  took: Took;
  counts: readonly Counts[];
}

/** Microseconds of each replica and of Redis, and what Redis tells of itself. */
interface Took {
  used: readonly number[];
  redis: number;
  told: ReadonlyMap<string, number>;
}

interface Counts {
  /** Ticks that the store took from it. */
  appended: number;
  /** Ticks that came to it, its own ones among them. */
  arrived: number;
}

function ask({ port }: Server, path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`);
}

async function countsOf(server: Server): Promise<Counts> {
  const text = await (await ask(server, '/metrics')).text();
  const sum = (name: string, label: string): number =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
      .reduce((total, line) => total + Number(line.split(' ')[1]), 0);
  return {
    appended: sum('tickwire_appended_ticks_total', ''),
    arrived: sum('tickwire_tick_age_seconds_count', 'hop="replica"'),
  };
}

async function until(
  condition: () => Promise<boolean>,
  withinMs: number,
  otherwise = () => 'the replicas did not start in time',
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(otherwise());
    await delay(lookMs);
  }
}

function parseInfo(text: string): Map<string, number> {
  return new Map(
    text
      .split('\r\n')
      .map((line) => line.split(':'))
      .map(([key = '', value]) => [key, Number(value)]),
  );
}
