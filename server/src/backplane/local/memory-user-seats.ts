/**
 * Users' seats in the memory of the primary. Every method is one synchronous step. Knows no clock and no processes: a node
 * is whoever entered, and is forgotten when somebody says so.
 */
import type { Seat, SeatBeat, SeatOutcome } from '../contract.ts';
import { makeGeneration } from '../../log/generation.ts';

/** As `UserSeats`, with the node that calls in front. */
export type MemoryUserSeats = ReturnType<typeof createMemoryUserSeats>;

interface KnownNode {
  beat: number;
  lost: Set<string>;
}

/** Who holds a seat. */
interface Holder {
  node: string;
  id: string;
}

/** No node is known yet, and the generation stays as long as this does. */
export function createMemoryUserSeats() {
  const current = makeGeneration();
  const nodes = new Map<string, KnownNode>();
  /** By user and cid. */
  const users = new Map<string, Map<string, Holder>>();
  let lastBeat = 0;

  function known(name: string, gen: string): KnownNode | null {
    return gen === current ? (nodes.get(name) ?? null) : null;
  }

  function freeAll(node: string): void {
    for (const [user, seats] of users) {
      for (const [cid, holder] of seats) if (holder.node === node) seats.delete(cid);
      if (seats.size === 0) users.delete(user);
    }
  }

  function takeOne(node: string, { user, cid, id }: Seat, max: number): SeatOutcome {
    const seats = users.get(user) ?? new Map<string, Holder>();
    const replaced = seats.get(cid) ?? null;
    if (replaced === null && seats.size >= max) return { ok: false };
    if (replaced !== null && replaced.node !== node) nodes.get(replaced.node)?.lost.add(replaced.id);
    users.set(user, seats.set(cid, { node, id }));
    return { ok: true, replaced };
  }

  return {
    enter: (node: string): string => {
      freeAll(node);
      nodes.set(node, { beat: -++lastBeat, lost: new Set() });
      return current;
    },
    beat: (node: string, gen: string, noted: readonly string[]): SeatBeat | null => {
      const own = known(node, gen);
      if (own === null) return null;
      for (const id of noted) own.lost.delete(id);
      own.beat = ++lastBeat;
      return { beats: new Map([...nodes].map(([name, { beat }]) => [name, beat])), lost: [...own.lost] };
    },
    take: (node: string, gen: string, seats: readonly Seat[], max = Infinity): SeatOutcome[] | null =>
      known(node, gen) === null ? null : seats.map((seat) => takeOne(node, seat, max)),
    leave: (node: string, gen: string, seats: readonly Seat[]): void => {
      if (known(node, gen) === null) return;
      for (const { user, cid, id } of seats) {
        const all = users.get(user);
        const holder = all?.get(cid);
        if (holder?.node !== node || holder.id !== id) continue;
        all?.delete(cid);
        if (all?.size === 0) users.delete(user);
      }
    },
    /** Without a beat it forgets the node in any case. */
    forget: (node: string, gen: string, beat?: number): void => {
      const one = known(node, gen);
      if (one === null || (beat !== undefined && one.beat !== beat)) return;
      nodes.delete(node);
      freeAll(node);
    },
  };
}
