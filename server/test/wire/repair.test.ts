/** A tick that never reached a replica, because the adapter lost it: the leader's announcement makes the replica read the store. */
import { expect, it } from 'vitest';
import type { Announcement } from '../../src/backplane/contract.ts';
import { draft } from '../contracts/store-steps.ts';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

it('[SQ8] sends a tick that only an announced head shows', async () => {
  const { backplane, connect, push } = await startReplica();
  const announcements: Announcement[] = [];
  backplane.onAnnouncement((announcement) => void announcements.push(announcement));
  await until(async () => (await push([{ symbol: 'A', price: '1' }])) === 200);
  const client = connect();
  await client.subscribe(['A']);
  await client.seen('snapshot');

  // The store has the tick, and no replica was sent it.
  const announcement = await until(() => announcements.at(-1));
  const shard = backplane.tickStore.shardOf('A');
  const gen = announcement.gens[shard] ?? '';
  const append = { gen, epoch: announcement.epoch, batchId: 'lost', drafts: [draft('A', '2')] };
  expect(await backplane.tickStore.append(shard, append)).toMatchObject({ ok: true, seqs: [2] });
  expect(client.ticks()).toEqual([]);

  backplane.announce({ ...announcement, heads: [['A', gen, 2]] });
  await client.seen('tick', 1, 2_000);
  expect(client.ticks()).toMatchObject([{ symbol: 'A', gen, seq: 2, price: '2' }]);
  expect(client.faults()).toEqual([]);
});
