/**
 * Groups clients that have the same tick rooms and speak the same, so that what is written to them is put together once for all.
 * Most clients of a page share a few sets of rooms. Knows no sockets and no time.
 */
import type { Dialect } from './tick-frames.ts';

/** Clients of one dialect whose rooms are exactly these, and what waits to be written to them. */
export interface Group<M, T> {
  readonly dialect: Dialect;
  readonly rooms: readonly string[];
  readonly members: Set<M>;
  /** Which part of a large set of clients this is, from 0. */
  readonly cohort: number;
  /** What waits for the members, in order. */
  pending: T[];
  /** Members that came while something was pending: only what follows this place in `pending` is for them. */
  readonly late: Map<M, number>;
  /** When it was last written to, on the monotonic clock. */
  writtenAt: number;
}

/** A client that has tick rooms. */
export interface GroupMember {
  readonly rooms: ReadonlySet<string>;
  readonly dialect: Dialect;
}

/**
 * Which client is in which group. A member whose rooms change is sorted when `of` or `membersByRoom` is asked next; `count` is of
 * those that are sorted.
 */
export interface Groups<M extends GroupMember, T> {
  /** The member's rooms changed, or it is new. */
  moved(member: M): void;
  gone(member: M): void;
  /** Every group with that room in it. */
  of(room: string): Iterable<Group<M, T>>;
  /** The group that the member is sorted into; undefined before the first. */
  groupOf(member: M): Group<M, T> | undefined;
  all(): Iterable<Group<M, T>>;
  /** The rooms that have members. */
  rooms(): Iterable<string>;
  /** How many members each room has, of those that have any. */
  membersByRoom(): Map<string, number>;
  /** The number of groups in use. */
  count(): number;
}

/** A larger set of clients is split, so that not all of it is written to in one turn. */
const maxMembers = 512;

/** Members are of type M; T is what is written. */
export function createGroups<M extends GroupMember, T>(): Groups<M, T> {
  /** The cohorts of each set of rooms. */
  const byKey = new Map<string, Group<M, T>[]>();
  const byRoom = new Map<string, Set<Group<M, T>>>();
  const groups = new Map<M, Group<M, T>>();
  const keys = new Map<Group<M, T>, string>();
  /** Put into a group when the next tick comes: a client that joins room by room is sorted once. */
  const unsorted = new Set<M>();

  function takeOut(member: M): void {
    const group = groups.get(member);
    if (group === undefined) return;
    groups.delete(member);
    group.members.delete(member);
    group.late.delete(member);
    if (group.members.size > 0) return;
    const key = keys.get(group) ?? '';
    const rest = (byKey.get(key) ?? []).filter((other) => other !== group);
    if (rest.length === 0) byKey.delete(key);
    else byKey.set(key, rest);
    keys.delete(group);
    for (const room of group.rooms) {
      const others = byRoom.get(room);
      others?.delete(group);
      if (others?.size === 0) byRoom.delete(room);
    }
  }

  function putIn(member: M): void {
    const rooms = [...member.rooms].toSorted();
    // Nothing keeps a blank out of a room's name.
    const key = member.dialect + JSON.stringify(rooms);
    const cohorts = byKey.get(key) ?? [];
    const group =
      cohorts.find(({ members }) => members.size < maxMembers) ?? add(key, cohorts, member, rooms);
    group.members.add(member);
    if (group.pending.length > 0) group.late.set(member, group.pending.length);
    groups.set(member, group);
  }

  function add(key: string, cohorts: readonly Group<M, T>[], { dialect }: M, rooms: string[]): Group<M, T> {
    const taken = new Set(cohorts.map(({ cohort }) => cohort));
    let cohort = 0;
    while (taken.has(cohort)) cohort++;
    const group: Group<M, T> = {
      dialect,
      rooms,
      members: new Set(),
      cohort,
      pending: [],
      late: new Map(),
      writtenAt: -Infinity,
    };
    byKey.set(key, [...cohorts, group]);
    keys.set(group, key);
    for (const room of rooms) {
      const others = byRoom.get(room);
      if (others === undefined) byRoom.set(room, new Set([group]));
      else others.add(group);
    }
    return group;
  }

  function sort(): void {
    if (unsorted.size === 0) return;
    for (const member of unsorted) {
      takeOut(member);
      if (member.rooms.size > 0) putIn(member);
    }
    unsorted.clear();
  }

  return {
    moved: (member) => void unsorted.add(member),
    gone: (member) => {
      unsorted.delete(member);
      takeOut(member);
    },
    of: (room) => {
      sort();
      return byRoom.get(room) ?? [];
    },
    groupOf: (member) => groups.get(member),
    all: () => keys.keys(),
    rooms: () => {
      sort();
      return byRoom.keys();
    },
    membersByRoom: () => {
      sort();
      const counts = new Map<string, number>();
      for (const { rooms, members } of keys.keys())
        for (const room of rooms) counts.set(room, (counts.get(room) ?? 0) + members.size);
      return counts;
    },
    count: () => keys.size,
  };
}
