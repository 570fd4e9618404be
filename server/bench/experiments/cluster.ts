/**
 * The whole cluster: prices come in twice a second over HTTP, and a thousand clients get them through Nginx. What every process
 * of it took, and how old the ticks were where they arrived.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Tally } from '../driver/driver-calls.ts';
import {
  parts,
  startOurCluster,
  startStockCluster,
  type ClusterPeer,
  type Price,
} from '../peers/clusters.ts';
import { someGen } from '../peers/peer.ts';
import { processorTime } from '../processor-time.ts';
import { median } from '../statistics.ts';
import { shown } from '../results.ts';
import { rows } from '../rows.ts';
import { createScript, symbolNames, type Script } from '../script.ts';
import { arriveWithinMs, assertClean, type Bench } from './bench.ts';

const clients = 1_000;
const symbols = symbolNames(20);
const turnMs = 500;
/** Ten seconds: until the code that runs is compiled, which costs as much as to run it. */
const warmUpTurns = { quick: 6, whole: 20 };

/** Microseconds per tick delivered, of all and of each part. */
interface ClusterRound {
  cpu: number;
  cpuOf: Record<(typeof parts)[number], number>;
  tally: Tally;
}

interface Entered {
  cluster: ClusterPeer;
  crowd: number;
  script: Script;
  rounds: ClusterRound[];
}

/**
 * Reports processor time per tick and the p99 of its age, of our cluster against stock's, which both run all the while.
 * Rejects where a tick was lost.
 */
export async function measureCluster(bench: Bench): Promise<void> {
  const entered: Entered[] = [];
  const turns = bench.quick ? 4 : 10;
  try {
    for (const start of [() => startOurCluster(symbols), () => startStockCluster(bench, symbols)])
      entered.push(await enter(bench, await start()));
    for (const one of entered)
      await playRound(bench, one, bench.quick ? warmUpTurns.quick : warmUpTurns.whole);
    for (let round = 0; round < bench.rounds; round++)
      for (const one of round % 2 === 0 ? entered : entered.toReversed())
        one.rounds.push(await playRound(bench, one, turns));
  } finally {
    for (const { cluster, crowd } of entered) {
      await bench.driver.calls.close(crowd);
      await cluster.close();
    }
  }
  const roundsOf = (name: ClusterPeer['name']) =>
    entered.find(({ cluster }) => cluster.name === name)?.rounds ?? [];
  const pairs = roundsOf('ours').map((ours, i) => ({ ours, peer: roundsOf('stock')[i] ?? ours }));
  bench.report(
    rows.clusterCpu,
    pairs.map(({ ours, peer }) => ({ ours: ours.cpu, peer: peer.cpu })),
  );
  bench.report(
    rows.clusterAge,
    pairs.map(({ ours, peer }) => ({ ours: ours.tally.ageP99, peer: peer.tally.ageP99 })),
  );
  for (const name of ['ours', 'stock'] as const) {
    const shares = parts.map(
      (part) => `${part} ${shown(median(roundsOf(name).map(({ cpuOf }) => cpuOf[part])))}`,
    );
    bench.note(`whole cluster, ${name}: ${shares.join(', ')} ${rows.clusterCpu.unit}`);
  }
  bench.noteDriver(
    'whole cluster',
    pairs.flatMap(({ ours, peer }) => [ours.tally, peer.tally]),
  );
}

async function enter({ driver }: Bench, cluster: ClusterPeer): Promise<Entered> {
  try {
    const script = createScript(symbols, someGen);
    // So that there is a price for the snapshots.
    await cluster.push(nextPrices(script), script.seq());
    const { crowd } = await driver.calls.open({
      port: cluster.port,
      clients,
      symbols,
      groups: [symbols.map((_, place) => place)],
      parallel: 50,
      awaitsSnapshot: cluster.name === 'ours',
    });
    return { cluster, crowd, script, rounds: [] };
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

function nextPrices(script: Script): Price[] {
  return script.next().map(({ symbol, price, size = '0', ts }) => ({ symbol, price, size, ts }));
}

/** From before the first price until everyone has the last one. */
async function playRound(
  { driver }: Bench,
  { cluster, crowd, script }: Entered,
  turns: number,
): Promise<ClusterRound> {
  await driver.calls.tally(crowd);
  const before = timesOf(cluster);
  const startedAt = performance.now();
  for (let turn = 0; turn < turns; turn++) {
    await delay(Math.max(0, startedAt + turn * turnMs - performance.now()));
    await cluster.push(nextPrices(script), script.seq());
  }
  await driver.calls.arrive(crowd, script.seq(), arriveWithinMs);
  const after = timesOf(cluster);
  const tally = await driver.calls.tally(crowd);
  assertClean(cluster.name, tally);
  const wanted = clients * symbols.length * turns;
  if (tally.ticks + tally.merged !== wanted)
    throw new Error(`${cluster.name} is no result: ${wanted} ticks were due, ${JSON.stringify(tally)}`);
  const cpuOf = perPart((part) => (after[part] - before[part]) / tally.ticks);
  return { cpu: cpuOf.replicas + cpuOf.Redis + cpuOf.Nginx, cpuOf, tally };
}

function timesOf(cluster: ClusterPeer): ClusterRound['cpuOf'] {
  return perPart((part) => processorTime(cluster.parts[part]));
}

function perPart(of: (part: (typeof parts)[number]) => number): ClusterRound['cpuOf'] {
  return { replicas: of('replicas'), Redis: of('Redis'), Nginx: of('Nginx') };
}
