/** The memory of one replica of `npm run cluster` that serves very many symbols, which all tick. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from '../../test/support/processes/start-cluster.ts';
import { rows } from '../rows.ts';
import { symbolNames } from '../script.ts';
import { assertClean, type Bench } from './bench.ts';

const symbols = symbolNames(10_000);
const clients = 1_000;
const perClient = 20;
/** Until the log's window is full: its bytes are bounded. */
const untilFullMs = 25_000;
const looks = 5;

/** Reports the largest resident memory that is seen while the window is full. */
export async function measureManySymbols(bench: Bench): Promise<void> {
  const cluster = await startCluster({
    replicas: 1,
    env: { NODE_ENV: 'production', FEEDS: 'simulator', SYMBOLS: symbols.join(','), LOG_LEVEL: 'warn' },
  });
  const { calls } = bench.driver;
  try {
    const [{ pid, port } = { pid: 0, port: 0 }] = cluster.replicas;
    const { crowd } = await calls.open({
      port,
      clients,
      symbols,
      groups: Array.from({ length: clients }, (_, client) =>
        Array.from({ length: perClient }, (__, i) => (client * perClient + i * 7) % symbols.length),
      ),
      parallel: 20,
      awaitsSnapshot: true,
    });
    try {
      await delay(bench.quick ? untilFullMs / 2 : untilFullMs);
      let largest = 0;
      for (let look = 0; look < looks; look++) {
        await delay(1_000);
        largest = Math.max(largest, residentMb(pid));
      }
      const tally = await calls.tally(crowd);
      assertClean('a replica with 10,000 symbols', tally);
      bench.report(rows.manySymbols, [{ ours: largest }]);
      bench.note(
        `10,000 symbols: ${tally.ticks} ticks arrived and ${tally.merged} more were merged; age p99 ${Math.round(tally.ageP99)} ms`,
      );
      bench.noteDriver('10,000 symbols', [tally]);
    } finally {
      await calls.close(crowd);
    }
  } finally {
    await cluster.stop();
  }
}

function residentMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
}
