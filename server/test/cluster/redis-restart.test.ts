/** Redis is killed and started again with its append-only file, between two pushes with the same Idempotency-Key. */
import { expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { push, startClusterUnderTest } from './cluster-under-test.ts';

it('[PB5] a push with the same Idempotency-Key counts once also if Redis was killed and started again with its append-only file', async () => {
  const cluster = await startClusterUnderTest({
    replicas: 2,
    redis: { args: ['--appendonly', 'yes', '--appendfsync', 'always'] },
  });
  const client = cluster.connect({ transports: ['websocket'] });
  await client.subscribe(['DEMO']);
  const ask = async (price: string, key: string) => {
    const answer = await push(cluster.url, [{ symbol: 'DEMO', price }], { 'Idempotency-Key': key });
    return {
      status: answer.status,
      replayed: answer.headers.get('Idempotency-Replayed'),
      body: await answer.json(),
    };
  };
  /** Repeats a push that is refused for now, as its retry rule says. */
  const accepted = (price: string, key: string) =>
    until(
      async () => {
        const answer = await ask(price, key);
        return answer.status === 503 ? null : answer;
      },
      { withinMs: 20_000 },
    );
  const first = await ask('1.50', 'once');
  expect(first).toMatchObject({ status: 200, replayed: null });

  await cluster.redis.kill('SIGKILL');
  expect((await ask('1.50', 'once')).status).toBe(503);
  await cluster.redis.restart();
  const again = await accepted('1.50', 'once');
  expect(again).toEqual({ ...first, replayed: 'true' });

  expect(await accepted('2.50', 'another')).toMatchObject({ status: 200, replayed: null });
  await until(() => client.ticks('DEMO').some(({ price }) => price === '2.50'));
  expect(client.ticks('DEMO').map(({ price }) => price)).toEqual(['1.50', '2.50']);
  expect(client.faults()).toEqual([]);
}, 90_000);
