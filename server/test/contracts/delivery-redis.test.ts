/** The contract of delivery on the Redis adapter, over our links to a real redis-server; two servers. */
import { Emitter } from '@socket.io/redis-emitter';
import { createClient } from 'redis';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type RedisServer, startRedis } from '../support/processes/start-redis.ts';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.ts';
import { systemClock as clock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { until } from '../support/until.ts';
import { openDeliveryNode } from './delivery-node.ts';
import { tickOf } from './delivery-scripts.ts';
import { describeDelivery, firstDifference, play, type DeliveryHome } from './delivery.contract.ts';

let redis: RedisServer;
let homes = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

interface RedisHome extends DeliveryHome {
  readonly prefix: string;
}

async function open(isCoalesced: boolean): Promise<RedisHome> {
  const prefix = `delivery-${++homes}`;
  const nodes = await Promise.all(
    ['node-1', 'node-2'].map(async (node) => {
      const log = createLog({ level: 'silent', node });
      const backplane = createRedisBackplane({ url: redis.url, prefix, node, log, clock });
      await until(() => backplane.state().at === 'up');
      const opened = await openDeliveryNode({ isCoalesced, adapter: (wrap) => backplane.adapter(wrap) });
      const close = async (): Promise<void> => {
        await opened.close();
        await backplane.close();
      };
      return { ...opened, close };
    }),
  );
  return { nodes, prefix, stop: async () => void (await Promise.all(nodes.map((node) => node.close()))) };
}

describeDelivery('the Redis adapter', open);

it('[F5] what @socket.io/redis-emitter emits, joins and disconnects: as on a stock server', async () => {
  const client = createClient({ url: redis.url });
  await client.connect();
  onTestFinished(() => client.close());

  async function emitted(home: RedisHome, expected?: Parameters<typeof play>[2]) {
    const io = new Emitter(client, { key: `${home.prefix}:io` });
    const seen = await play(home, 'ticks of one turn', expected, async (clients) => {
      io.to('tick:A').emit('mark', tickOf('A', 4));
      io.to('tick:A').emit('note', 'from outside');
      io.to('tick:A').except('tick:B').emit('mark', tickOf('A', 5));
      io.to(['tick:A', 'tick:B']).emit('mark', tickOf('A', 6));
      io.in('name:ws-0').socketsLeave('tick:A');
      io.to('tick:A').emit('mark', tickOf('A', 7));
      io.in('name:ws-1').socketsJoin('tick:C');
      io.to('tick:C').emit('mark', tickOf('C', 8));
      io.to('tick:A').emit('mark', { ...tickOf('A', 8), blob: Buffer.from([1]) });
      io.to('tick:B').emit('mark', tickOf('B', 3));
      io.of('/other').to('tick:A').emit('tick', tickOf('A', 9));
      io.in('name:poll-1').disconnectSockets();
      io.emit('last');
      io.of('/other').emit('last');
      for (const { socket, events } of clients)
        await until(() => socket.disconnected || events.some(([event]) => event === 'last'));
    });
    return seen.clients;
  }

  const [stock, ours] = [await open(false), await open(true)];
  onTestFinished(async () => {
    await stock.stop();
    await ours.stop();
  });
  const expected = await emitted(stock);
  const marks = expected.find(({ plan }) => plan.name === 'ws-1')?.events;
  expect(marks).toContainEqual(['mark', tickOf('C', 8)]);
  const seen = await emitted(ours, expected);
  expect(firstDifference(seen, expected)).toBeNull();
});
