import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGroups } from './groups.ts';
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

describe('createGroups', () => {
  it('[F3] holds every member once under each of its rooms, with those who have exactly the same and speak the same', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const groups = createGroups<Member, string>();
        const members = Array.from({ length: 6 }, (_, id): Member => ({
          id,
          rooms: new Set(),
          dialect: id % 2 === 0 ? 'socket.io' : 'plain',
        }));

        function check(): void {
          for (const room of rooms) {
            const seen = [...groups.of(room)].flatMap((group) => {
              for (const member of group.members) {
                expect(new Set(group.rooms)).toEqual(member.rooms);
                expect(group.dialect).toBe(member.dialect);
              }
              return [...group.members].map(({ id }) => id);
            });
            const expected = members.filter((member) => member.rooms.has(room)).map(({ id }) => id);
            expect(seen.toSorted((a, b) => a - b)).toEqual(expected);
          }
          const sets = members
            .filter((member) => member.rooms.size > 0)
            .map((member) => JSON.stringify([member.dialect, ...[...member.rooms].toSorted()]));
          expect(groups.count()).toBe(new Set(sets).size);
        }

        for (const { member: id, kind, room } of steps) {
          const member = members[id];
          if (member === undefined) continue;
          if (kind === 'join') {
            member.rooms.add(room);
            groups.moved(member);
          } else if (kind === 'leave') {
            member.rooms.delete(room);
            groups.moved(member);
          } else if (kind === 'gone') {
            groups.gone(member);
            member.rooms.clear();
          } else check();
        }
        check();
      }),
    );
  });

  it('[F3] who join the same rooms in another order share a group', () => {
    const groups = createGroups<Member, string>();
    for (const [id, joined] of [
      ['tick:A', 'tick:B'],
      ['tick:B', 'tick:A'],
    ].entries())
      groups.moved({ id, rooms: new Set(joined), dialect: 'socket.io' });
    expect([...groups.of('tick:A')].map(({ members }) => members.size)).toEqual([2]);
    expect(groups.count()).toBe(1);
  });
});
