/** Replicas of the first version under the same prefix: their leader beats in a lease of its own. */
import { createClient } from 'redis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { cleanUpAfterEach, openNode, redisServer, untilAt } from './redis-node.ts';

cleanUpAfterEach();

const lease = 'faults:{faults:0}:lease';

/** A Redis with such a lease. `beat` goes on until `stop`. */
async function withEarlierLeader() {
  const server = await redisServer();
  const client = createClient({ url: server.url });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.destroy());
  await client.hSet(lease, { holder: 'old-1', epoch: '3', beat: '7' });
  const timer = setInterval(() => void client.hIncrBy(lease, 'beat', 1).catch(() => {}), 200);
  const stop = (): void => clearInterval(timer);
  onTestFinished(stop);
  return { url: server.url, client, stop };
}

it('a node is down while a leader of the first version beats, says why, and is up when that leader has left', async () => {
  const { url, client, stop } = await withEarlierLeader();
  const node = openNode(url);
  await vi.waitFor(
    () =>
      expect(node.backplane.state()).toMatchObject({
        at: 'down',
        reason: expect.stringMatching(/first version.*REDIS_PREFIX faults/) as string,
      }),
    { timeout: 10_000, interval: 50 },
  );
  expect(node.states.filter(({ at }) => at === 'up')).toEqual([]);
  stop();
  await client.hSet(lease, 'holder', '');
  await untilAt(node, 'up', 10_000);
});

it('a lease that a killed leader of the first version left keeps no node down', async () => {
  const { url, stop } = await withEarlierLeader();
  stop();
  const node = openNode(url);
  await untilAt(node, 'up', 10_000);
  expect(node.states.at(-1)).toEqual({ at: 'up' });
});
