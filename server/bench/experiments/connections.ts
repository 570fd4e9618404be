/** What connections cost: the memory of those that wait, and how many can come in a second. */
import { join } from 'node:path';
import { rows } from '../rows.ts';
import type { Round } from '../results.ts';
import { symbolNames } from '../script.ts';
import type { Bench, Server } from './bench.ts';
import { arriveWithinMs } from './bench.ts';
import { inPhase } from './stage.ts';

const peers = ['ours', 'stock'] as const;
type Compared = (typeof peers)[number];

const idleClients = 1_000;
const parallel = 50;

/** A fresh process each time: what it once took, it does not give back. */
export async function measureMemory(bench: Bench): Promise<void> {
  bench.report(
    rows.memory,
    await alternate(bench.rounds, async (peer) => {
      const server = await bench.startServer({ peer, symbols: symbolNames(1) }, ['--expose-gc']);
      try {
        // What the first connections load and compile is no connection's own.
        await connectIdle(bench, server, 100);
        const before = await server.calls.memory();
        const clients = bench.quick ? idleClients : 2 * idleClients;
        const crowd = await openIdle(bench, server, clients);
        const after = await server.calls.memory();
        await bench.driver.calls.close(crowd);
        return (after - before) / clients / 1_024;
      } finally {
        await server.close();
      }
    }),
  );
}

async function connectIdle(bench: Bench, server: Server, clients: number): Promise<void> {
  await bench.driver.calls.close(await openIdle(bench, server, clients));
}

async function openIdle({ driver }: Bench, { port }: Server, clients: number): Promise<number> {
  const request = { port, clients, symbols: [], groups: [], parallel, awaitsSnapshot: false };
  return (await driver.calls.open(request)).crowd;
}

/**
 * Reports how many clients a second come in, `parallel` at a time, of ours with their first snapshot. The servers stay
 * the same in all rounds.
 */
export async function measureConnects(bench: Bench): Promise<void> {
  const { driver } = bench;
  const symbols = symbolNames(20);
  const all = symbols.map((_, place) => place);
  const clients = bench.quick ? 1_000 : 2_000;
  const servers = new Map<Compared, Server>();
  const open = async (peer: Compared, count: number) =>
    driver.calls.open({
      port: servers.get(peer)?.port ?? 0,
      clients: count,
      symbols,
      groups: [all],
      parallel,
      awaitsSnapshot: peer === 'ours',
    });
  const perSecond = async (peer: Compared) => {
    const { crowd, ms } = await open(peer, clients);
    await driver.calls.close(crowd);
    return clients / (ms / 1_000);
  };
  try {
    for (const peer of peers) {
      const server = await bench.startServer({ peer, symbols });
      servers.set(peer, server);
      // One client stays and has the prices that the others get in their snapshots.
      const { crowd } = await open(peer, 1);
      const { seq } = await server.calls.prepare(1, inPhase);
      await server.calls.turn();
      await driver.calls.arrive(crowd, seq, arriveWithinMs);
      await perSecond(peer);
    }
    if (bench.profiles !== null) for (const server of servers.values()) await server.calls.startProfile();
    bench.report(rows.connects, await alternate(bench.rounds, perSecond));
    if (bench.profiles !== null)
      for (const [peer, server] of servers)
        await server.calls.writeProfile(join(bench.profiles, `connects,-${peer}.cpuprofile`));
  } finally {
    for (const server of servers.values()) await server.close();
  }
}

/** Both peers measured in each round, the first of one round the second of the next. */
async function alternate(rounds: number, measure: (peer: Compared) => Promise<number>): Promise<Round[]> {
  const found: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const measured: Partial<Record<Compared, number>> = {};
    for (const peer of round % 2 === 0 ? peers : peers.toReversed()) measured[peer] = await measure(peer);
    found.push({ ours: measured.ours ?? NaN, peer: measured.stock ?? NaN });
  }
  return found;
}
