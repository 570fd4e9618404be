/** The Redis backplane while Redis hangs without closing a connection. */
import { expect, it, vi } from 'vitest';
import { systemClock } from '../../src/support/clock.ts';
import {
  cleanUpAfterEach,
  everyCall,
  expectMessages,
  expectUnavailable,
  openNode,
  publishAll,
  redisServer,
  untilAt,
} from '../contracts/redis-node.ts';

cleanUpAfterEach();

it('while Redis hangs, the backplane settles every call, says down within 3.5 s while publishing goes on, and is up again within 1.5 s', async () => {
  const server = await redisServer();
  const [node, other] = [openNode(server.url), openNode(server.url, 'node-2')];
  await Promise.all([untilAt(node, 'up', 5_000), untilAt(other, 'up', 5_000)]);
  // A link that writes all the time must not take its own writes for a sign of life.
  const stopPublishing = systemClock.every(5, () => void publishAll(node));
  try {
    await server.kill('SIGSTOP');
    const settled = expectUnavailable(everyCall(node.backplane));
    await Promise.all([untilAt(node, 'down', 3_500), untilAt(other, 'down', 3_500)]);
    await settled;
    await expectUnavailable(everyCall(node.backplane));
    expect(node.backplane.state()).toMatchObject({ at: 'down', reason: 'Redis does not answer' });
    await server.kill('SIGCONT');
    await Promise.all([untilAt(node, 'up', 1_500), untilAt(other, 'up', 1_500)]);
  } finally {
    stopPublishing();
  }
  await expectMessages(node, other, 'after-hang');
});

it('the backplane is up within 1.5 s also after Redis hung for so long that the sockets were given up', async () => {
  const server = await redisServer();
  const [node, other] = [openNode(server.url), openNode(server.url, 'node-2')];
  await Promise.all([untilAt(node, 'up', 5_000), untilAt(other, 'up', 5_000)]);
  await server.kill('SIGSTOP');
  await vi.waitFor(() => expect(node.backplane.state()).toMatchObject({ reason: 'no connection to Redis' }), {
    timeout: 8_000,
    interval: 20,
  });
  await server.kill('SIGCONT');
  await Promise.all([untilAt(node, 'up', 1_500), untilAt(other, 'up', 1_500)]);
  await expectMessages(other, node, 'after-long-hang');
});
