/**
 * What every home of the backplane must do, driven through `BackplaneDriver`. Most tests share one home of three
 * nodes, as replicas do: each uses symbols, rooms and epochs of its own and takes the lease from where it finds it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Home, OpenHome } from './backplane-driver.ts';
import { describeAppendOnce } from './append-once.contract.ts';
import { describeCallCounts } from './call-counts.contract.ts';
import { claim, createStage, nodeOf, smallStore, takeLease } from './contract-stage.ts';
import { describeLeaderNotes } from './leader-notes.contract.ts';
import { describeLease } from './lease.contract.ts';
import { describeMessages } from './messages.contract.ts';
import { draft, readOne } from './store-steps.ts';
import { describeTickHistory } from './tick-history.contract.ts';
import { describeRetirement } from './retirement.contract.ts';
import { describeTickStore } from './tick-store.contract.ts';
import { describeUserSeats } from './user-seats.contract.ts';

/** Runs the suite on homes that `open` makes; `name` is the home's, for the report. */
export function describeBackplane(name: string, open: OpenHome): void {
  describe(`the ${name} backplane`, () => {
    let home: Home;
    const stage = createStage(() => home);
    beforeAll(async () => {
      home = await open(3);
    });
    afterAll(() => home.stop());

    describe('an empty home', () => {
      let empty: Home;
      beforeAll(async () => {
        empty = await open(1);
      });
      afterAll(() => empty.stop());

      it('has a lease that nobody holds, an empty store, and makes its generation with the first claim', async () => {
        const node = nodeOf(empty, 0);
        expect(await node.lease.read()).toMatchObject({ holder: null, epoch: 0 });
        expect(await readOne(node, 'A')).toEqual({ gen: null, quote: null, missed: null });
        const append = { gen: 'AAAAAA', epoch: 1, batchId: 'b', drafts: [draft('A', '1')] };
        expect(await node.tickStore.append(0, append)).toEqual({ ok: false, reason: 'generation' });
        const first = await claim(node, 1);
        expect(first.gen).toMatch(/^[A-Za-z0-9]{6}$/);
        expect([first.quotes, first.sourceSeqs]).toEqual([[], new Map()]);
        expect((await claim(node, 2)).gen).toBe(first.gen);
        expect(await readOne(node, 'A')).toEqual({ gen: first.gen, quote: null, missed: null });
      });

      it('takes the first lease with epoch 1', async () => {
        const node = nodeOf(empty, 0);
        // The store was claimed for epoch 2 above, which a home may count: the term is then newer than that one.
        expect((await takeLease(node)).epoch).toBeGreaterThanOrEqual(1);
      });
    });

    describeLease(stage);
    describeLeaderNotes(stage);
    describeTickStore(stage);
    describeAppendOnce(stage);

    describe('a store of two shards and short histories', () => {
      let small: Home;
      const smallStage = createStage(() => small);
      beforeAll(async () => {
        small = await open(2, smallStore);
      });
      afterAll(() => small.stop());
      describeTickHistory(smallStage);
      describeRetirement(smallStage);
    });

    describeUserSeats(stage);
    describeCallCounts(stage);
    describeMessages(stage);

    describe('closing', () => {
      it('ends one node, twice without harm, and leaves the others at work', async () => {
        const pair = await open(2);
        try {
          const leaving = nodeOf(pair, 0);
          const staying = nodeOf(pair, 1);
          await leaving.close();
          await leaving.close();
          expect(await takeLease(staying)).toMatchObject({ holder: staying.node });
          expect((await staying.state()).at).toBe('up');
        } finally {
          await pair.stop();
        }
      });
    });
  });
}
