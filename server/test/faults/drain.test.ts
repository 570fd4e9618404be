/** A replica that drains while a client does not read. */
import { expect, it, onTestFinished } from 'vitest';
import { joinRaw } from '../support/clients/raw-web-socket.ts';
import { startOwnReplica } from '../support/processes/own-replica.ts';
import { startRedis } from '../support/processes/start-redis.ts';

it('[DR4] a replica ends in time although a client neither answers its Close nor reads', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const replica = await startOwnReplica({ REDIS_URL: redis.url, DRAIN_MS: '500' });
  const client = await joinRaw(Number(new URL(replica.url).port));
  onTestFinished(() => client.close());
  client.tcp.pause();
  const startedAt = performance.now();
  replica.signal('SIGTERM');
  expect(await replica.ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});
