/** The server that `npm start` runs, with its primary process and two workers, beside Bun: the same clients, prices of the simulator. */
import { setTimeout as delay } from 'node:timers/promises';
import { startEmbeddedCluster } from '../../test/support/processes/embedded-cluster.ts';
import { processorTime } from '../processor-time.ts';
import type { Round } from '../results.ts';
import { rows } from '../rows.ts';
import { assertClean, type Bench } from './bench.ts';
import { enter, inGroups, leave, playRound } from './stage.ts';

const everyMs = 500;
const audience = inGroups(1_000, 20);
/** Of the ticks that were due, so many must have come: the simulator makes none up after a pause. */
const leastShare = 0.9;

/** Reports processor time per tick of all processes. Rejects if a tick was missing or repeated. */
export async function measureEmbedded(bench: Bench): Promise<void> {
  const { calls } = bench.driver;
  const turns = bench.quick ? 4 : 8;
  const cluster = await startEmbeddedCluster({
    NODE_ENV: 'production',
    FEEDS: 'simulator',
    SYMBOLS: audience.symbols.join(','),
    UPDATE_INTERVAL: String(everyMs),
  });
  try {
    const port = Number(new URL(cluster.url).port);
    const { crowd } = await calls.open({ port, ...audience, parallel: 50, awaitsSnapshot: true });
    const bun = await enter(bench, {
      name: 'bun',
      request: { peer: 'bun' },
      audience,
      turns,
      warmUp: turns,
      phases: { are: 'spread', everyMs },
    });
    const playOurs = async (): Promise<number> => {
      await calls.tally(crowd);
      const before = processorTime([cluster.pid]);
      await delay(turns * everyMs);
      const used = processorTime([cluster.pid]) - before;
      const tally = await calls.tally(crowd);
      assertClean('npm start', tally);
      if (tally.merged > 0 || tally.ticks < leastShare * audience.clients * 20 * turns)
        throw new Error(`npm start is no result: ${JSON.stringify(tally)}`);
      return used / tally.ticks;
    };
    const playBun = async (): Promise<number> => (await playRound(bench, bun, turns)).cpu;
    try {
      await playOurs();
      await playBun();
      const found: Round[] = [];
      for (let round = 0; round < bench.rounds; round++)
        found.push({ ours: await playOurs(), peer: await playBun() });
      bench.report(rows.embedded, found);
    } finally {
      await leave(bench, bun);
      await calls.close(crowd);
    }
  } finally {
    await cluster.close();
  }
}
