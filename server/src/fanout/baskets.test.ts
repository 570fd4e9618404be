import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBaskets } from './baskets.ts';
import type { Dialect } from './tick-frames.ts';

/** One of them is two others' names with a blank between. */
const rooms = ['tick:A', 'tick:B', 'tick:C', 'tick:A tick:B'];

interface Member {
  readonly id: number;
  readonly rooms: Set<string>;
  readonly dialect: Dialect;
}

const step = fc.record({
  member: fc.nat(5),
  kind: fc.constantFrom('join', 'leave', 'gone', 'look'),
  room: fc.constantFrom(...rooms),
});

describe('createBaskets', () => {
  it('[F3] holds every member once under each of its rooms, with those who have exactly the same and speak the same', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const baskets = createBaskets<Member, string>();
        const members = Array.from({ length: 6 }, (_, id): Member => ({
          id,
          rooms: new Set(),
          dialect: id % 2 === 0 ? 'socket.io' : 'plain',
        }));

        function check(): void {
          for (const room of rooms) {
            const seen = [...baskets.of(room)].flatMap((basket) => {
              for (const member of basket.members) {
                expect(new Set(basket.rooms)).toEqual(member.rooms);
                expect(basket.dialect).toBe(member.dialect);
              }
              return [...basket.members].map(({ id }) => id);
            });
            const expected = members.filter((member) => member.rooms.has(room)).map(({ id }) => id);
            expect(seen.toSorted((a, b) => a - b)).toEqual(expected);
          }
          const sets = members
            .filter((member) => member.rooms.size > 0)
            .map((member) => JSON.stringify([member.dialect, ...[...member.rooms].toSorted()]));
          expect(baskets.count()).toBe(new Set(sets).size);
        }

        for (const { member: id, kind, room } of steps) {
          const member = members[id];
          if (member === undefined) continue;
          if (kind === 'join') {
            member.rooms.add(room);
            baskets.moved(member);
          } else if (kind === 'leave') {
            member.rooms.delete(room);
            baskets.moved(member);
          } else if (kind === 'gone') {
            baskets.gone(member);
            member.rooms.clear();
          } else check();
        }
        check();
      }),
    );
  });

  it('[F3] who join the same rooms in another order share a basket', () => {
    const baskets = createBaskets<Member, string>();
    for (const [id, joined] of [
      ['tick:A', 'tick:B'],
      ['tick:B', 'tick:A'],
    ].entries())
      baskets.moved({ id, rooms: new Set(joined), dialect: 'socket.io' });
    expect([...baskets.of('tick:A')].map(({ members }) => members.size)).toEqual([2]);
    expect(baskets.count()).toBe(1);
  });
});
