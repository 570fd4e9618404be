/** Batches that never reached a replica, because pub/sub lost them: the leader's beat makes the replica read the log. */
import { expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

it('[SQ8] sends ticks that only the beat of the leader shows', async () => {
  const { backplane, connect, push } = await startReplica();
  await until(async () => (await push([{ symbol: 'A', price: '1' }])) === 200);
  const client = connect();
  await client.subscribe(['A']);
  await client.seen('snapshot');
  backplane.loseBatches(true);
  expect(await push([{ symbol: 'A', price: '2' }])).toBe(200);
  await client.seen('tick', 1, 2_000);
  expect(client.ticks()).toMatchObject([{ symbol: 'A', seq: 2, price: '2' }]);
  expect(client.faults()).toEqual([]);
});
