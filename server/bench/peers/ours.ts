/**
 * The peer `ours`: a whole replica as it is shipped, over a backplane in memory. Ticks enter where the leader's do, with an
 * emit to their room, so that the fan-out stage and everything behind it is measured, and no append.
 */
import process from 'node:process';
import { tickRoom } from '../../protocol/index.ts';
import { parseConfig } from '../../src/config.ts';
import { createTickEmitter } from '../../src/fanout/tick-emitter.ts';
import { createReplica } from '../../src/replica.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { createMemoryBackplane } from '../../test/support/stand-ins/memory-backplane.ts';
import { until } from '../../test/support/until.ts';
import { leaveOut, noMetrics, type Part } from './left-out.ts';
import type { Peer, PeerOptions } from './peer.ts';

const node = 'bench';

/**
 * Listens on a free port, once its store has a generation. What `without` names may be missing from later ones of this
 * process too.
 */
export async function createOursPeer({ symbols, without }: PeerOptions & { without?: Part }): Promise<Peer> {
  const parsed = parseConfig(
    {
      PORT: '0',
      HOST: '127.0.0.1',
      FEEDS: `push:${symbols.join(',')}`,
      ...(without !== undefined && leaveOut(without)),
    },
    node,
  );
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const { config } = parsed;
  const backplane = createMemoryBackplane(node, config.store);
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
  const [symbol = ''] = symbols;
  const gen = await until(async () => (await backplane.tickStore.read([{ symbol }]))[0]?.gen);
  const emitter = createTickEmitter(replica.io.of('/'));
  return {
    port: await replica.listen(),
    gen,
    turn: (ticks) => {
      for (const tick of ticks) emitter.everywhere(tickRoom(tick.symbol), tick);
    },
  };
}
