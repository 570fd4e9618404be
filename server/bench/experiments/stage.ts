/** Peers with the same clients and the same ticks take turns, and their processor time is read. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Tally } from '../driver/driver-calls.ts';
import type { PeerName, Phases, StartRequest } from '../peers/server-calls.ts';
import type { Row } from '../rows.ts';
import { symbolNames } from '../script.ts';
import { noteSlowShare, writesOf, type Writes } from './slow-share.ts';
import { arriveWithinMs, assertClean, type Bench, type Server } from './bench.ts';

/** Clients, and the symbols that each of them subscribes to. */
export interface Audience {
  clients: number;
  symbols: readonly string[];
  /** Places in `symbols`. Client i has group i modulo the number of groups. */
  groups: readonly (readonly number[])[];
}

/** A peer, its clients, and how many ticks of each symbol its rounds have. Names are unique within an experiment. */
export interface Contender {
  name: string;
  request: Omit<StartRequest, 'symbols'>;
  audience: Audience;
  /** Turns in a round: enough that the time can be measured. */
  turns: number;
  /** Turns before the first round, until the code that runs is compiled. */
  warmUp: number;
  phases: Phases;
}

/** Milliseconds from turn to turn in phase, for every peer: longer than the flush window of ours, so that each turn is written at once. */
const turnMs = 60;
/** After so many turns ours, the floor and Bun run at full speed. The others, with a write per tick, need two. */
export const warmUpTurns = 15;
export const inPhase: Phases = { are: 'together' };

/** One round of one contender. */
export interface StageRound {
  /** Microseconds per tick delivered. */
  cpu: number;
  tally: Tally;
}

/** A contender whose server runs and whose crowd is in, until `leave`. */
export interface Entered {
  contender: Contender;
  server: Server;
  crowd: number;
  rounds: StageRound[];
  /** Before the first round; null for peers without this number. */
  writes: Writes | null;
}

/** Every contender's rounds, taken in turns, each time in another order. */
export async function takeTurns(
  bench: Bench,
  experiment: string,
  contenders: readonly Contender[],
): Promise<Map<string, StageRound[]>> {
  const entered: Entered[] = [];
  try {
    for (const contender of contenders) entered.push(await enter(bench, contender));
    for (const one of entered) await playRound(bench, one, one.contender.warmUp);
    const profiled =
      bench.profiles === null ? [] : entered.filter(({ contender }) => contender.name !== 'bun');
    for (const { server } of profiled) await server.calls.startProfile();
    for (const one of entered)
      if (isOurs(one.contender) && one.contender.request.without !== 'metrics')
        one.writes = await writesOf(one.server);
    for (let round = 0; round < bench.rounds; round++)
      for (let i = 0; i < entered.length; i++) {
        const one = entered[(round + i) % entered.length];
        if (one !== undefined) one.rounds.push(await playRound(bench, one, one.contender.turns));
      }
    for (const { contender, server, writes } of entered)
      if (writes !== null)
        noteSlowShare(bench, `${experiment}, ${contender.name}`, writes, await writesOf(server));
    for (const { contender, server } of profiled)
      await server.calls.writeProfile(
        join(bench.profiles ?? '', `${experiment}, ${contender.name}.cpuprofile`.replaceAll(' ', '-')),
      );
    return new Map(entered.map(({ contender, rounds }) => [contender.name, rounds]));
  } finally {
    for (const one of entered) await leave(bench, one);
  }
}

function isOurs({ request: { peer } }: Contender): boolean {
  return peer === 'ours' || peer === 'our stage';
}

/** Starts the contender and brings its audience in. */
export async function enter(bench: Bench, contender: Contender): Promise<Entered> {
  const { request, audience } = contender;
  const server = await bench.startServer({ ...request, symbols: audience.symbols });
  try {
    const { crowd } = await bench.driver.calls.open({
      port: server.port,
      ...audience,
      parallel: 50,
      awaitsSnapshot: isOurs(contender),
    });
    return { contender, server, crowd, rounds: [], writes: null };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Ends the crowd and then its server; rounds that were played stay. */
export async function leave({ driver }: Bench, { server, crowd }: Entered): Promise<void> {
  await driver.calls.close(crowd);
  await server.close();
}

/** In phase, a turn begins when every client has the one before, and not sooner than `turnMs` after its beginning. The clock stops when every client has the last tick. */
export async function playRound(
  { driver }: Bench,
  { contender: { name, audience, phases }, server, crowd }: Entered,
  turns: number,
): Promise<StageRound> {
  const { seq, bytes } = await server.calls.prepare(turns, phases);
  await driver.calls.tally(crowd);
  const before = await server.calls.cpu();
  if (phases.are === 'spread') {
    await server.calls.play();
    await driver.calls.arrive(crowd, seq, arriveWithinMs);
  } else
    for (let turn = turns - 1; turn >= 0; turn--) {
      const pause = delay(turnMs);
      await server.calls.turn();
      await driver.calls.arrive(crowd, seq - turn, arriveWithinMs);
      await pause;
    }
  const used = (await server.calls.cpu()) - before;
  const tally = await driver.calls.tally(crowd);
  assertClean(name, tally);
  const wanted = expected(audience, turns, bytes);
  if (tally.ticks !== wanted.ticks || tally.bytes !== wanted.bytes)
    throw new Error(`${name} is no result: ${JSON.stringify({ wanted, tally })}`);
  return { cpu: used / tally.ticks, tally };
}

/** Ticks and bytes that everyone together must get. */
function expected({ clients, groups }: Audience, turns: number, bytes: readonly number[]) {
  const wanted = { ticks: 0, bytes: 0 };
  for (const [i, group] of groups.entries()) {
    const members = Math.ceil((clients - i) / groups.length);
    wanted.ticks += members * group.length * turns;
    for (const place of group) wanted.bytes += members * (bytes[place] ?? 0);
  }
  return wanted;
}

/** Clients in four groups without a common symbol. */
export function inGroups(clients: number, perGroup: number): Audience {
  const groups = 4;
  return {
    clients,
    symbols: symbolNames(groups * perGroup),
    groups: Array.from({ length: groups }, (_, group) =>
      Array.from({ length: perGroup }, (__, place) => group * perGroup + place),
    ),
  };
}

/** Clients of which no two have the same group: each leaves out other ones of a hundred symbols. */
export function ownGroups(clients: number, perGroup: number): Audience {
  const symbols = symbolNames(5 * perGroup);
  const taken = new Set<string>();
  const groups: number[][] = [];
  for (let start = 0; groups.length < clients; start++) {
    // A walk by steps that share no factor with the number of symbols meets each of them once.
    const step = [1, 3, 7, 9, 11, 13, 17, 19, 21, 23, 27, 29][Math.floor(start / symbols.length) % 12] ?? 1;
    const group = Array.from({ length: perGroup }, (_, i) => (start + i * step) % symbols.length).toSorted(
      (a, b) => a - b,
    );
    const key = group.join();
    if (taken.has(key)) throw new Error('two clients have the same group');
    taken.add(key);
    groups.push(group);
  }
  return { clients, symbols, groups };
}

/** Contenders of the same audience in phase, by name. `turns` of the quick ones; the slow ones get fewer. */
export function contendersFor(
  audience: Audience,
  turns: { quick: number; slow: number },
  peers: readonly PeerName[],
): Contender[] {
  return peers.map((peer) => ({
    name: peer,
    request: { peer },
    audience,
    phases: inPhase,
    ...(peer === 'stock' || peer === 'ws'
      ? { turns: turns.slow, warmUp: 2 }
      : { turns: turns.quick, warmUp: warmUpTurns }),
  }));
}

/** Reports the processor time of a contender against others, by the names of both, round by round. */
export function reportCpu(
  bench: Bench,
  rounds: ReadonlyMap<string, readonly StageRound[]>,
  rowsOf: readonly (readonly [row: Row, ours: string, peer: string])[],
): void {
  const of = (name: string): readonly StageRound[] => rounds.get(name) ?? [];
  for (const [row, ours, peer] of rowsOf)
    bench.report(
      row,
      of(ours).map(({ cpu }, i) => ({ ours: cpu, peer: of(peer)[i]?.cpu ?? NaN })),
    );
}
