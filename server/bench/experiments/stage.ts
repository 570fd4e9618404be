/** The fan-out stage alone: peers with the same clients and the same ticks take turns, and their processor time is read. */
import { join } from 'node:path';
import type { Tally } from '../driver/driver-calls.ts';
import type { PeerName, StartRequest } from '../peers/server-calls.ts';
import { symbolNames } from '../script.ts';
import { noteSlowShare, writesOf, type Writes } from './slow-share.ts';
import { arriveWithinMs, assertClean, type Bench, type Server } from './bench.ts';

/** Who listens to what. */
export interface Audience {
  clients: number;
  symbols: readonly string[];
  /** Places in `symbols`; client i has basket i modulo their number. */
  baskets: readonly (readonly number[])[];
}

/** A peer, who listens to it, and how many turns its rounds have. Its name is its own among those of one experiment. */
export interface Contender {
  name: string;
  request: Omit<StartRequest, 'symbols'>;
  audience: Audience;
  /** Turns in a round: enough that the time can be measured. */
  turns: number;
  /** Turns before the first round, until the code that runs is compiled. */
  warmUp: number;
}

/** So many turns of ours or the floor and they run at full speed; of the others, with a write per tick, two do. */
export const warmUpTurns = 15;

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
  /** Before the first round; null for peers that do not tell. */
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
    if (bench.profiles !== null) for (const { server } of entered) await server.calls.startProfile();
    for (const one of entered)
      // Without metrics it does not tell.
      if (one.contender.request.peer === 'ours' && one.contender.request.without !== 'metrics')
        one.writes = await writesOf(one.server);
    for (let round = 0; round < bench.rounds; round++)
      for (let i = 0; i < entered.length; i++) {
        const one = entered[(round + i) % entered.length];
        if (one !== undefined) one.rounds.push(await playRound(bench, one, one.contender.turns));
      }
    for (const { contender, server, writes } of entered)
      if (writes !== null)
        noteSlowShare(bench, `${experiment}, ${contender.name}`, writes, await writesOf(server));
    if (bench.profiles !== null)
      for (const { contender, server } of entered)
        await server.calls.writeProfile(
          join(bench.profiles, `${experiment}, ${contender.name}.cpuprofile`.replaceAll(' ', '-')),
        );
    return new Map(entered.map(({ contender, rounds }) => [contender.name, rounds]));
  } finally {
    for (const one of entered) await leave(bench, one);
  }
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
      awaitsSnapshot: request.peer === 'ours',
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

/** A turn begins when everyone has the one before, and the clock stops when everyone has the last. */
export async function playRound(
  { driver }: Bench,
  { contender: { name, audience }, server, crowd }: Entered,
  turns: number,
): Promise<StageRound> {
  const { seq, bytes } = await server.calls.prepare(turns);
  await driver.calls.tally(crowd);
  const before = await server.calls.cpu();
  for (let turn = turns - 1; turn >= 0; turn--) {
    await server.calls.turn();
    await driver.calls.arrive(crowd, seq - turn, arriveWithinMs);
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
function expected({ clients, baskets }: Audience, turns: number, bytes: readonly number[]) {
  const wanted = { ticks: 0, bytes: 0 };
  for (const [i, basket] of baskets.entries()) {
    const members = Math.ceil((clients - i) / baskets.length);
    wanted.ticks += members * basket.length * turns;
    for (const place of basket) wanted.bytes += members * (bytes[place] ?? 0);
  }
  return wanted;
}

/** Clients in four baskets without a common symbol. */
export function inBaskets(clients: number, perBasket: number): Audience {
  const baskets = 4;
  return {
    clients,
    symbols: symbolNames(baskets * perBasket),
    baskets: Array.from({ length: baskets }, (_, basket) =>
      Array.from({ length: perBasket }, (__, place) => basket * perBasket + place),
    ),
  };
}

/** Clients of which no two have the same basket: each leaves out other ones of a hundred symbols. */
export function ownBaskets(clients: number, perBasket: number): Audience {
  const symbols = symbolNames(5 * perBasket);
  const taken = new Set<string>();
  const baskets: number[][] = [];
  for (let start = 0; baskets.length < clients; start++) {
    // A walk by steps that share no factor with the number of symbols meets each of them once.
    const step = [1, 3, 7, 9, 11, 13, 17, 19, 21, 23, 27, 29][Math.floor(start / symbols.length) % 12] ?? 1;
    const basket = Array.from({ length: perBasket }, (_, i) => (start + i * step) % symbols.length).toSorted(
      (a, b) => a - b,
    );
    const key = basket.join();
    if (taken.has(key)) throw new Error('two clients have the same basket');
    taken.add(key);
    baskets.push(basket);
  }
  return { clients, symbols, baskets };
}

/** Contenders of the same audience, by name. `turns` of the quick ones; the slow ones get fewer. */
export function contendersFor(
  audience: Audience,
  turns: { quick: number; slow: number },
  peers: readonly Exclude<PeerName, 'our replica' | 'stock replica'>[],
): Contender[] {
  return peers.map((peer) => ({
    name: peer,
    request: { peer },
    audience,
    ...(peer === 'ours' || peer === 'floor'
      ? { turns: turns.quick, warmUp: warmUpTurns }
      : { turns: turns.slow, warmUp: 2 }),
  }));
}
