/**
 * The peers `ours` and `our stage`: a whole replica as it is shipped, over a backplane in memory. Ticks of `ours` are pushed to its
 * leader, which numbers, encodes and stores them. Ticks of `our stage` enter as a finished batch of the log, so that only the reader
 * and the fan-out are measured.
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import type { Tick } from '../../protocol/index.ts';
import { parseConfig } from '../../src/config.ts';
import { encodeBatch } from '../../src/log/batch.ts';
import { createReplica } from '../../src/replica.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { createMemoryBackplane } from '../../test/support/stand-ins/memory-backplane.ts';
import { until } from '../../test/support/until.ts';
import { createScript } from '../script.ts';
import { leaveOut, noMetrics } from './left-out.ts';
import { patientLease, type Peer } from './peer.ts';
import type { StartRequest } from './server-calls.ts';

const node = 'bench';
const epoch = 1;

/** Listens on a free port, once its log has a generation. Later replicas of this process may lack the part `without` too. */
export async function createOursPeer({ peer, symbols, without }: StartRequest): Promise<Peer> {
  const parsed = parseConfig(
    {
      PORT: '0',
      HOST: '127.0.0.1',
      FEEDS: `push:${symbols.join(',')}`,
      ...patientLease,
      ...(without !== undefined && leaveOut(without)),
    },
    node,
  );
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const { config } = parsed;
  const backplane = createMemoryBackplane(node, config.logWindow);
  const replica = createReplica({
    config,
    backplane,
    log: createLog({ level: 'warn', node, destination: process.stderr }),
    clock: systemClock,
    random: Math.random,
    clientRoot: '/nonexistent',
    ...(without === 'metrics' && { metrics: noMetrics }),
  });
  replica.start();
  const { tickLog } = backplane;
  const gen = await until(async () => (await tickLog.readState())?.gen);
  const push = async (ticks: readonly Tick[]): Promise<boolean> =>
    (await replica.push({ ticks: [...ticks] })).ok;
  // The first tick of a symbol carries the day too. The others are as long as those of other peers.
  const script = createScript(symbols, gen);
  const first = script.next();
  await until(() => push(first));
  // The leader's own batches came before them.
  let number = (await tickLog.readState())?.number ?? 0;
  return {
    port: await replica.listen(),
    gen,
    seq: script.seq(),
    turn:
      peer === 'our stage'
        ? (ticks) =>
            backplane.hearBatch(
              encodeBatch({ gen, epoch, number: ++number, ticks, days: ticks.map(() => '1000') }),
            )
        : (ticks) => void push(ticks).then((isTaken) => assert(isTaken, 'the leader refused a push')),
  };
}
