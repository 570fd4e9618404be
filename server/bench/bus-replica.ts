/**
 * One true replica for the measurement of the bus: as main.ts makes it, and told by its parent to keep every symbol served
 * and to say what CPU it used. Nothing in it is measured but what a replica does.
 */
import process from 'node:process';
import { tickRoom } from '../protocol/index.ts';
import { createRedisBackplane } from '../src/backplane/redis/redis-backplane.ts';
import { parseConfig } from '../src/config.ts';
import { createReplica } from '../src/replica.ts';
import { systemClock as clock } from '../src/support/clock.ts';
import { createLog } from '../src/support/log.ts';
import type { FromReplica, ToReplica } from './bus-messages.ts';

const parsed = parseConfig(process.env, `bench-${process.pid}`);
if (!parsed.ok || parsed.config.backplane.kind !== 'redis') throw new Error('the replica has no redis');
const { config } = parsed;
const log = createLog({
  level: 'warn',
  node: config.node,
  destination: { write: (line: string) => void process.stderr.write(line) },
});
const { url, prefix } = parsed.config.backplane;
const backplane = createRedisBackplane({ url, prefix, node: config.node, log, clock, ...config.store });
const replica = createReplica({
  config,
  backplane,
  log,
  clock,
  random: Math.random,
  clientRoot: process.cwd(),
  onLeft: () => process.exit(0),
});

const tell = (message: FromReplica): void => void process.send?.(message);

process.on('message', (message: ToReplica) => {
  if (message.type === 'close') void replica.close({ withinMs: 0 });
  // A member without a socket in each room: its sequencer stays, and delivery to clients costs nothing.
  if (message.type === 'keep')
    void replica.io.of('/').adapter.addAll('#bench', new Set(config.assignment.symbols.map(tickRoom)));
  if (message.type !== 'close') tell({ type: 'usage', ...process.cpuUsage() });
});
process.on('disconnect', () => process.exit(1));

replica.start();
tell({ type: 'listening', port: await replica.listen() });
