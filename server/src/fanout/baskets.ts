/**
 * Groups outlets by the set of their tick rooms and what they speak, so that what a turn made for such a set is put together
 * once for all of them. Most clients of a page share a few sets. Knows no sockets.
 */
import type { Dialect } from './tick-frames.ts';

/** A set of rooms, and everyone of one dialect whose rooms are exactly these. `turn` is what this turn made for them so far. */
export interface Basket<M, T> {
  readonly key: string;
  readonly dialect: Dialect;
  readonly rooms: readonly string[];
  readonly members: Set<M>;
  turn: T[];
}

/** One who has tick rooms. */
export interface BasketMember {
  readonly rooms: ReadonlySet<string>;
  readonly dialect: Dialect;
}

/**
 * Who is in which basket. A member whose rooms change is sorted when `of` or `membersByRoom` is asked next; `count` tells of
 * those that are sorted.
 */
export interface Baskets<M extends BasketMember, T> {
  /** The member's rooms changed, or it is new. */
  moved(member: M): void;
  gone(member: M): void;
  /** Every basket with that room in it. */
  of(room: string): Iterable<Basket<M, T>>;
  /** How many members each room has, of those that have any. */
  membersByRoom(): Map<string, number>;
  /** The number of sets in use. */
  count(): number;
}

/** Members are of type M; T is what a turn makes. */
export function createBaskets<M extends BasketMember, T>(): Baskets<M, T> {
  const byKey = new Map<string, Basket<M, T>>();
  const byRoom = new Map<string, Set<Basket<M, T>>>();
  const basketOf = new Map<M, Basket<M, T>>();
  /** Put into a basket when the next tick comes: a client that joins room by room is sorted once. */
  const unsorted = new Set<M>();

  function takeOut(member: M): void {
    const basket = basketOf.get(member);
    if (basket === undefined) return;
    basketOf.delete(member);
    basket.members.delete(member);
    if (basket.members.size > 0) return;
    byKey.delete(basket.key);
    for (const room of basket.rooms) {
      const baskets = byRoom.get(room);
      baskets?.delete(basket);
      if (baskets?.size === 0) byRoom.delete(room);
    }
  }

  function putIn(member: M): void {
    const rooms = [...member.rooms].toSorted();
    // Nothing keeps a blank out of a room's name.
    const key = member.dialect + JSON.stringify(rooms);
    let basket = byKey.get(key);
    if (basket === undefined) {
      basket = { key, dialect: member.dialect, rooms, members: new Set(), turn: [] };
      byKey.set(key, basket);
      for (const room of rooms) {
        const baskets = byRoom.get(room);
        if (baskets === undefined) byRoom.set(room, new Set([basket]));
        else baskets.add(basket);
      }
    }
    basket.members.add(member);
    basketOf.set(member, basket);
  }

  function sort(): void {
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
      if (unsorted.size > 0) sort();
      return byRoom.get(room) ?? [];
    },
    membersByRoom: () => {
      if (unsorted.size > 0) sort();
      const counts = new Map<string, number>();
      for (const { rooms, members } of byKey.values())
        for (const room of rooms) counts.set(room, (counts.get(room) ?? 0) + members.size);
      return counts;
    },
    count: () => byKey.size,
  };
}
