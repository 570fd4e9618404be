/**
 * A user's connections over all replicas, at most so many: takes a seat in the store for each, gives it back, and ends who
 * lost it. A replica whose beat stopped is forgotten by the others with its seats, by their own monotonic clocks as in the
 * lease; it takes them again when it is back. While the store does not answer, connections are let in, and counted
 * once it does: a price page that turns its users away because nobody can count them is worse than one connection too many.
 * Knows no sockets. Keeps SPEC.md [ST1] to [ST6].
 */
import { randomUUID } from 'node:crypto';
import { maxSeatsPerCall, type Seat, type SeatOutcome, type UserSeats } from '../backplane/contract.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createNodeWatch } from './node-watch.ts';
import type { SeatLoss, SeatRequest, SeatTaker } from './seat.ts';

/** Those of one node's connections. Who comes while the store is away is let in, to be counted later. */
export interface Seats extends SeatTaker {
  /** Beats from now on. Called again, it does so at once: the link may be back. */
  start(): void;
  /** As every taker's; settles within `patienceMs` and a call of the store. */
  take(request: SeatRequest): Promise<(() => void) | null>;
  /** Gives back every seat of this node, for good. */
  close(): Promise<void>;
}

/** The store that all replicas share, the limit, and who hears of connections without a seat. */
export interface SeatsOptions {
  store: UserSeats;
  /** The most connections of a user. */
  maxPerUser: number;
  clock: Clock;
  log: Log;
  /** Fires for each connection that got no seat or lost it; `dispossessed` where others had its seat when this node was back. */
  onRefused: (reason: 'full' | 'taken_over' | 'dispossessed') => void;
  /** Fires for each connection that was let in while the store did not answer. */
  onUncounted: () => void;
}

/** A connection that is here. */
interface Sitter extends Seat {
  readonly onLost: SeatRequest['onLost'];
  /** Whether the store was asked for its seat, and so may know it. */
  wasAsked: boolean;
}

/** How often this node beats and looks at the others' beats, in milliseconds. */
export const beatMs = 250;
/** A node whose beat stands still for this long is forgotten; so its seats are free within two seconds. */
export const forgottenAfterMs = 1_000;
/** What may count as silence at one look: after a longer pause of ours, or of the store, beats are still to come. */
const maxSilenceOfLookMs = 1.5 * beatMs;
/**
 * A store that began anew gives no seats before every node that is there has told it of those it has: each finds that out by its
 * next beat. This long where one does not come that was there, or where this node knows none: three beats, as one may be late.
 */
export const settleMs = 3 * beatMs;
/** How often this node beats until then, so that others know that it has told all, in milliseconds. */
export const settlingBeatMs = 50;
/** How long a connection waits for a store that cannot be asked yet, in milliseconds. */
export const patienceMs = 1_500;

/** Asks nothing before `start`. */
export function createSeats(options: SeatsOptions): Seats {
  const { store, maxPerUser, clock, log, onRefused, onUncounted } = options;
  /** The generation in which this node is known, as far as it knows. */
  let gen: string | null = null;
  let lastGen: string | null = null;
  let settledAt = Infinity;
  /** Nodes that the store knew before it began anew, and is to hear of; null where this node knows of none. */
  let awaited: readonly string[] | null = null;
  let stopSettling = (): void => {};
  /** The store answered before, and does not. */
  let isAway = false;
  let isClosed = false;
  let turning: Promise<void> | null = null;
  let stopBeating: (() => void) | null = null;
  let made = 0;

  const sitters = new Map<string, Sitter>();
  const byUser = new Map<string, Set<Sitter>>();
  /** Those that were let in, and have no seat that we know of. */
  const uncounted = new Set<Sitter>();
  /** Seats that were given back, of which the store may not know. */
  const unreturned = new Map<string, Sitter>();
  /** Those that other nodes' connections took over, of which the store is to know that we know. */
  let noted: readonly string[] = [];
  const watch = createNodeWatch({ node: store.node, maxSilentMs: forgottenAfterMs, maxSilenceOfLookMs });
  /** Connections that wait until the store can be asked, or is away. */
  const waiting = new Set<() => void>();

  const canAsk = (): boolean => gen !== null && !isAway && clock.monotonic() >= settledAt;

  function seatIn(sitter: Sitter): void {
    sitters.set(sitter.id, sitter);
    const own = byUser.get(sitter.user);
    if (own === undefined) byUser.set(sitter.user, new Set([sitter]));
    else own.add(sitter);
  }

  /** False where it had left or lost its seat before. */
  function seatOut(sitter: Sitter): boolean {
    if (!sitters.delete(sitter.id)) return false;
    uncounted.delete(sitter);
    const own = byUser.get(sitter.user);
    own?.delete(sitter);
    if (own?.size === 0) byUser.delete(sitter.user);
    return true;
  }

  function lose(id: string, why: SeatLoss): void {
    const sitter = sitters.get(id);
    if (sitter === undefined || !seatOut(sitter)) return;
    onRefused(why === 'seat_taken_over' ? 'taken_over' : 'dispossessed');
    sitter.onLost(why);
  }

  function giveBack(sitter: Sitter): void {
    if (!sitter.wasAsked) return;
    if (gen === null || isAway) unreturned.set(sitter.id, sitter);
    else store.leave(gen, [seatOf(sitter)]).catch(() => void unreturned.set(sitter.id, sitter));
  }

  function ask(inGen: string, some: readonly Sitter[], max?: number): Promise<SeatOutcome[] | null> {
    for (const sitter of some) sitter.wasAsked = true;
    return store.take(inGen, some.map(seatOf), max);
  }

  /** What the store said of a connection that is here. */
  function counted(sitter: Sitter, outcome: SeatOutcome): void {
    if (!outcome.ok) return lose(sitter.id, 'too_many_connections');
    uncounted.delete(sitter);
    const { replaced } = outcome;
    if (replaced?.node === store.node && replaced.id !== sitter.id) lose(replaced.id, 'seat_taken_over');
    // It went while the store was asked.
    if (!sitters.has(sitter.id)) giveBack(sitter);
    return undefined;
  }

  /** Has these seated, or out of here; false where this node is not known any more. */
  async function count(inGen: string, all: readonly Sitter[], max?: number): Promise<boolean> {
    for (const some of inParts(all)) {
      const outcomes = await ask(inGen, some, max);
      if (outcomes === null) return false;
      for (const [index, sitter] of some.entries()) counted(sitter, outcomes[index] ?? { ok: false });
    }
    return true;
  }

  /** Makes this node known with all that are here. Gives null where it is not known again right after. */
  async function enter(): Promise<string | null> {
    const entered = await store.enter();
    const isAnew = entered !== lastGen;
    if (isAnew) {
      settledAt = clock.monotonic() + settleMs;
      awaited = lastGen === null ? null : watch.others();
    }
    unreturned.clear();
    noted = [];
    // Of a store that began anew nobody knows who came first, and all keep what they have. Else others were given our seats.
    const isKnown = await count(entered, [...sitters.values()], isAnew ? undefined : maxPerUser);
    if (!isKnown) return null;
    if (lastGen !== null)
      log.warn({ isAnew, seats: sitters.size }, 'this node was not known, and took its seats again');
    lastGen = entered;
    return entered;
  }

  async function returnSeats(inGen: string): Promise<void> {
    for (const some of inParts([...unreturned.values()])) {
      await store.leave(inGen, some.map(seatOf));
      for (const { id } of some) unreturned.delete(id);
    }
  }

  /** Forgets the nodes whose beat stood still for too long. */
  async function judge(inGen: string, beats: ReadonlyMap<string, number>): Promise<void> {
    for (const [node, last] of watch.look(beats, clock.monotonic())) {
      log.warn({ silent: node }, "a node is silent: its users' seats are free");
      await store.forget(inGen, node, last);
    }
  }

  async function beat(): Promise<void> {
    gen ??= await enter();
    if (gen === null) return;
    const current = gen;
    const answer = await store.beat(current, noted);
    if (answer === null) {
      // Forgotten, or the store is another: at once in again.
      gen = null;
      gen = await enter();
      return;
    }
    // A node that has entered has told all of its seats when it beats.
    if (awaited?.every((node) => (answer.beats.get(node) ?? -1) > 0)) settledAt = -Infinity;
    noted = answer.lost;
    for (const id of noted) lose(id, 'seat_taken_over');
    await returnSeats(current);
    if (!(await count(current, [...uncounted], maxPerUser))) gen = null;
    await judge(current, answer.beats);
  }

  function failed(error: unknown): void {
    if (!isAway) log.debug({ err: error }, "the users' seats cannot be reached");
    // Before its first answer it is not up yet, and connections wait for it.
    isAway = lastGen !== null;
  }

  /** One at a time. */
  function turn(): Promise<void> {
    if (isClosed) return Promise.resolve();
    turning ??= beat()
      .then(() => void (isAway = false), failed)
      .finally(() => {
        turning = null;
        if (canAsk() || isAway) for (const go of waiting) go();
        stopSettling();
        if (gen !== null && !canAsk() && !isAway && !isClosed)
          stopSettling = clock.after(settlingBeatMs, () => void turn());
      });
    return turning;
  }

  /** Resolves when the store can be asked, is away, or nobody should wait any longer. */
  function untilAskable(): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        cancel();
        waiting.delete(go);
        resolve();
      };
      const cancel = clock.after(patienceMs, go);
      waiting.add(go);
    });
  }

  /** The store cannot be asked: this node goes by those who are here. */
  function letIn(sitter: Sitter): boolean {
    const own = [...(byUser.get(sitter.user) ?? [])];
    const before = own.find(({ cid }) => cid === sitter.cid);
    if (before === undefined && own.length >= maxPerUser) return false;
    if (before !== undefined) {
      giveBack(before);
      lose(before.id, 'seat_taken_over');
    }
    seatIn(sitter);
    uncounted.add(sitter);
    onUncounted();
    return true;
  }

  async function isSeated(sitter: Sitter): Promise<boolean> {
    const startedAt = clock.monotonic();
    for (;;) {
      if (!canAsk() && !isAway && !isClosed) await untilAskable();
      const isLate = clock.monotonic() - startedAt >= patienceMs;
      if (gen === null || isLate || !canAsk()) return letIn(sitter);
      const current = gen;
      try {
        const outcome = (await ask(current, [sitter], maxPerUser))?.[0];
        if (outcome !== undefined) {
          if (outcome.ok) {
            seatIn(sitter);
            counted(sitter, outcome);
          }
          return outcome.ok;
        }
      } catch (error) {
        // It may have the seat, and will take it over from itself.
        failed(error);
        return letIn(sitter);
      }
      // This node is not known there any more.
      if (gen === current) gen = null;
      void turn();
    }
  }

  return {
    start: () => {
      // Who comes from now on waits for the answer.
      isAway = false;
      stopBeating ??= clock.every(beatMs, () => void turn());
      void turn();
    },
    take: async ({ user, cid, onLost }) => {
      const id = (++made).toString(36);
      // Like no other on any node; a client's own cid has no such sign.
      const sitter: Sitter = { user, cid: cid ?? `=${randomUUID()}`, id, onLost, wasAsked: false };
      if (await isSeated(sitter)) return () => void (seatOut(sitter) && giveBack(sitter));
      onRefused('full');
      return null;
    },
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      stopBeating?.();
      stopSettling();
      for (const go of waiting) go();
      await turning;
      // Without an answer the others forget this node when its beat has stopped.
      if (gen !== null) await store.exit(gen).catch(() => {});
    },
  };
}

/** What travels to the store. */
function seatOf({ user, cid, id }: Sitter): Seat {
  return { user, cid, id };
}

function inParts<T>(all: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < all.length; from += maxSeatsPerCall)
    parts.push(all.slice(from, from + maxSeatsPerCall));
  return parts;
}
