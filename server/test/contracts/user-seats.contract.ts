/** Users' seats: exact over all nodes, the connection's that came last with a cid, gone with their node. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { maxSeatsPerCall, type Seat, type SeatOutcome } from '../../src/backplane/contract.ts';
import type { BackplaneDriver } from './backplane-driver.ts';
import { nodeOf, type Stage } from './contract-stage.ts';

const taken: SeatOutcome = { ok: true, replaced: null };
const refused: SeatOutcome = { ok: false };

let made = 0;
/** A user that no other test has. */
const newUser = (): string => `user-${++made}@example.com`;
const seat = (user: string, cid: string, id = `${cid}.${++made}`): Seat => ({ user, cid, id });

export function describeUserSeats(stage: Stage): void {
  describe('user seats', () => {
    let gen = '';
    /** Every node's name among the seats. */
    let names: string[] = [];
    beforeAll(async () => {
      for (const node of stage.nodes) gen = await node.userSeats.enter();
      names = await Promise.all(stage.nodes.map((node) => node.seatNode()));
    });

    const takeOne = async (
      node: BackplaneDriver,
      one: Seat,
      max?: number,
    ): Promise<SeatOutcome | undefined> => (await node.userSeats.take(gen, [one], max))?.[0];
    const nameOf = (node: BackplaneDriver): string => names[stage.nodes.indexOf(node)] ?? '';

    it('know every node that entered, by a name that differs from node to node, in one generation', async () => {
      expect(gen).toMatch(/^[A-Za-z0-9]{6}$/);
      expect(new Set(names).size).toBe(3);
      const beat = await stage.one.userSeats.beat(gen, []);
      expect([...(beat?.beats.keys() ?? [])]).toEqual(expect.arrayContaining(names));
    });

    it('tell of a node that entered whether it has beaten since, by a number that never comes again', async () => {
      const seen: number[] = [];
      const look = async (): Promise<void> => {
        const beat = await stage.two.userSeats.beat(gen, []);
        seen.push(beat?.beats.get(nameOf(stage.one)) ?? 0);
      };
      for (let round = 0; round < 2; round++) {
        await stage.one.userSeats.enter();
        await look();
        await stage.one.userSeats.beat(gen, []);
        await look();
      }
      expect(seen.map(Math.sign)).toEqual([-1, 1, -1, 1]);
      expect(new Set(seen).size).toBe(4);
    });

    it('are given exactly so often when all nodes ask at once', async () => {
      for (const round of [1, 2, 3]) {
        const user = newUser();
        const outcomes = await Promise.all(
          Array.from({ length: 60 }, (_, index) =>
            takeOne(nodeOf(stage, index % 3), seat(user, `${round}-${index}`), 3),
          ),
        );
        expect(outcomes.filter((outcome) => outcome?.ok)).toHaveLength(3);
      }
    });

    it('free one for another as soon as it is left, and only where the connection is still the one', async () => {
      const user = newUser();
      const [a, b] = [seat(user, 'a'), seat(user, 'b')];
      await takeOne(stage.one, a, 1);
      await stage.two.userSeats.leave(gen, [a]);
      await stage.one.userSeats.leave(gen, [{ ...a, id: 'another' }]);
      expect(await takeOne(stage.two, b, 1)).toEqual(refused);
      await stage.one.userSeats.leave(gen, [a]);
      expect(await takeOne(stage.two, b, 1)).toEqual(taken);
    });

    it('belong to who comes last with the cid, and the node of the one before is told until it noted that', async () => {
      const user = newUser();
      const [first, second, third] = [seat(user, 'a'), seat(user, 'a'), seat(user, 'a')];
      await takeOne(stage.one, first, 1);
      expect(await takeOne(stage.two, second, 1)).toEqual({
        ok: true,
        replaced: { node: nameOf(stage.one), id: first.id },
      });
      // A late leave of the connection that had it takes nothing from the one that has it.
      await stage.one.userSeats.leave(gen, [first]);
      expect(await takeOne(stage.three, seat(user, 'b'), 1)).toEqual(refused);
      expect((await stage.one.userSeats.beat(gen, []))?.lost).toContain(first.id);
      expect((await stage.one.userSeats.beat(gen, []))?.lost).toContain(first.id);
      expect((await stage.one.userSeats.beat(gen, [first.id]))?.lost).not.toContain(first.id);
      expect((await stage.two.userSeats.beat(gen, []))?.lost).not.toContain(first.id);
      // On the same node the answer alone tells.
      expect(await takeOne(stage.two, third, 1)).toEqual({
        ok: true,
        replaced: { node: nameOf(stage.two), id: second.id },
      });
      expect((await stage.two.userSeats.beat(gen, []))?.lost).not.toContain(second.id);
    });

    it('without a limit are given in any case; who has too many keeps them and gets no more', async () => {
      const user = newUser();
      const held = ['a', 'b', 'c'].map((cid) => seat(user, cid));
      expect(await stage.one.userSeats.take(gen, held)).toEqual([taken, taken, taken]);
      expect(await takeOne(stage.two, seat(user, 'd'), 2)).toEqual(refused);
      expect(await takeOne(stage.two, seat(user, 'b'), 2)).toMatchObject({ ok: true });
      await stage.one.userSeats.leave(gen, [held[0] ?? seat(user, 'a')]);
      expect(await takeOne(stage.two, seat(user, 'd'), 2)).toEqual(refused);
      await stage.one.userSeats.leave(gen, [held[2] ?? seat(user, 'c')]);
      expect(await takeOne(stage.two, seat(user, 'd'), 2)).toEqual(taken);
    });

    it('take a list as one step, each after the one before', async () => {
      const user = newUser();
      const list = Array.from({ length: maxSeatsPerCall }, (_, index) => seat(user, `${index}`));
      const outcomes = await stage.one.userSeats.take(gen, list, 5);
      expect(outcomes?.filter(({ ok }) => ok)).toHaveLength(5);
      expect(outcomes?.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => taken));
      await stage.one.userSeats.leave(gen, list);
      expect(await takeOne(stage.two, seat(user, 'new'), 1)).toEqual(taken);
    });

    it('are gone with a node that is forgotten, which happens only where its beat is the one that was seen', async () => {
      const user = newUser();
      await takeOne(stage.one, seat(user, 'a'), 1);
      const seen = (await stage.two.userSeats.beat(gen, []))?.beats.get(nameOf(stage.one)) ?? -1;
      await stage.one.userSeats.beat(gen, []);
      await stage.two.userSeats.forget(gen, nameOf(stage.one), seen);
      expect(await takeOne(stage.two, seat(user, 'b'), 1)).toEqual(refused);

      const now = (await stage.two.userSeats.beat(gen, []))?.beats.get(nameOf(stage.one)) ?? -1;
      expect(now).not.toBe(seen);
      await stage.two.userSeats.forget(gen, nameOf(stage.one), now);
      expect(await takeOne(stage.two, seat(user, 'b'), 1)).toEqual(taken);
      expect(await stage.one.userSeats.beat(gen, [])).toBeNull();
      expect(await stage.one.userSeats.take(gen, [seat(newUser(), 'a')], 9)).toBeNull();

      expect(await stage.one.userSeats.enter()).toBe(gen);
      expect(await takeOne(stage.one, seat(user, 'a'), 1)).toEqual(refused);
    });

    it('are gone with a node that leaves, and with one that enters anew', async () => {
      const user = newUser();
      await takeOne(stage.one, seat(user, 'a'), 1);
      await stage.one.userSeats.exit(gen);
      const seen = await stage.two.userSeats.beat(gen, []);
      expect(seen?.beats.has(nameOf(stage.one))).toBe(false);
      expect(await takeOne(stage.two, seat(user, 'b'), 1)).toEqual(taken);
      expect(await stage.two.userSeats.enter()).toBe(gen);
      expect(await stage.one.userSeats.enter()).toBe(gen);
      expect(await takeOne(stage.one, seat(user, 'a'), 1)).toEqual(taken);
    });

    it('do nothing for a call of another generation', async () => {
      const user = newUser();
      const a = seat(user, 'a');
      await takeOne(stage.one, a, 1);
      expect(await stage.two.userSeats.take('AAAAAA', [seat(user, 'b')], 9)).toBeNull();
      expect(await stage.two.userSeats.beat('AAAAAA', [])).toBeNull();
      await stage.one.userSeats.leave('AAAAAA', [a]);
      await stage.one.userSeats.exit('AAAAAA');
      const beat = (await stage.two.userSeats.beat(gen, []))?.beats.get(nameOf(stage.one)) ?? -1;
      await stage.two.userSeats.forget('AAAAAA', nameOf(stage.one), beat);
      expect(await takeOne(stage.two, seat(user, 'b'), 1)).toEqual(refused);
    });

    it('follow their rules whatever the order of calls', async () => {
      const step = fc.record({
        kind: fc.constantFrom('take', 'take', 'take', 'leave', 'forget', 'take all the same'),
        node: fc.nat(2),
        cid: fc.constantFrom('a', 'b', 'c', 'd'),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const user = newUser();
          const max = 2;
          /** By cid. */
          const model = new Map<string, { node: number; id: string }>();
          const answers: (SeatOutcome | undefined)[] = [];
          const wanted: SeatOutcome[] = [];
          for (const { kind, node, cid } of steps) {
            const driver = nodeOf(stage, node);
            if (kind === 'leave') {
              const id = model.get(cid)?.id ?? 'nothing';
              await driver.userSeats.leave(gen, [{ user, cid, id }]);
              if (model.get(cid)?.node === node) model.delete(cid);
            } else if (kind === 'forget') {
              await driver.userSeats.exit(gen);
              await driver.userSeats.enter();
              for (const [its, holder] of model) if (holder.node === node) model.delete(its);
            } else {
              const one = seat(user, cid);
              const before = model.get(cid);
              const mayTake = before !== undefined || model.size < max || kind !== 'take';
              answers.push(await takeOne(driver, one, kind === 'take' ? max : undefined));
              const replaced =
                before === undefined ? null : { node: names[before.node] ?? '', id: before.id };
              wanted.push(mayTake ? { ok: true, replaced } : refused);
              if (mayTake) model.set(cid, { node, id: one.id });
            }
          }
          expect(answers).toEqual(wanted);
        }),
        { numRuns: 40 },
      );
    });
  });
}
