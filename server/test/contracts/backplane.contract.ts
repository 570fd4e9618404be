/**
 * What every home of the backplane must do, driven through `BackplaneDriver`. Most tests share one home of three
 * nodes, as replicas do: each uses symbols, rooms and epochs of its own and takes the lease from where it finds it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Home, OpenHome } from './backplane-driver.ts';
import { describeCallCounts } from './call-counts.contract.ts';
import { noNotes } from '../../src/log/contract.ts';
import { createStage, nodeOf, takeLease } from './contract-stage.ts';
import { describeLease } from './lease.contract.ts';
import { describeLog, describeSmallLog } from './log.contract.ts';
import { describeMessages } from './messages.contract.ts';
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

      it('has a lease that nobody holds and an empty log, whose generation begins with the first claim', async () => {
        const node = nodeOf(empty, 0);
        expect(await node.lease.read()).toMatchObject({ holder: null, epoch: 0 });
        expect(await node.tickLog.readState()).toBeNull();
        expect(await node.tickLog.readAfter('AAAAAA', 0)).toBeNull();
        const first = await node.tickLog.claim(1);
        expect(first).toEqual({
          ok: true,
          gen: expect.stringMatching(/^[A-Za-z0-9]{6}$/) as string,
          number: 0,
        });
        expect(await node.tickLog.claim(2)).toEqual(first);
        expect(await node.tickLog.readState()).toMatchObject({
          number: 0,
          oldest: 1,
          quotes: [],
          notes: noNotes,
        });
      });

      it('takes the first lease with epoch 1', async () => {
        const node = nodeOf(empty, 0);
        // The log was claimed for epoch 2 above, which a home may count: the term is then newer than that one.
        expect((await takeLease(node)).epoch).toBeGreaterThanOrEqual(1);
      });
    });

    describeLease(stage);
    describeLog(stage);

    describe('a log with a small window', () => {
      let small: Home;
      const smallStage = createStage(() => small);
      beforeAll(async () => {
        small = await open(2, { maxWindowBytes: 2_000 });
      });
      afterAll(() => small.stop());
      describeSmallLog(smallStage);
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
