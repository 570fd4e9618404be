/**
 * The slower rates: at the end of each period a room that asked for one gets the symbol's newest tick, merged with those of
 * the period before it. One timer for each rate, which runs while somebody uses it; a symbol that nobody has at a slower
 * rate costs one look-up a tick. Knows rooms and no sockets. Keeps SPEC.md [RT1] to [RT3].
 */
import { dayOf, mergeTicks, tickRoom, type Quote, type Tick } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';

/** What the rates read of quotes and rooms, and where the tick of a period goes. */
export interface TiersOptions {
  clock: Clock;
  /** The quote that the symbol's last tick led to. */
  headOf: (symbol: string) => Quote | null;
  hasMembers: (room: string) => boolean;
  /** Fires at the end of a period, for each room that has something to be told. */
  emit: (room: string, tick: Tick) => void;
}

/**
 * The rates of one replica. A `join` that waits is called within a later call or at the end of a period, and is dropped by
 * `close`.
 */
export interface Tiers {
  /** Whether somebody has the symbol at a slower rate. */
  has(symbol: string): boolean;
  /** Takes every tick of such a symbol, in order. */
  accept(tick: Tick): void;
  /**
   * Asks for one who was told the symbol's head in this turn and is not in the rate's room: true where it may join now. Else
   * it has all that the room is told next, and `join` is called once when something newer passed, or that went out.
   */
  enter(symbol: string, everyMs: number, member: string, join: () => void): boolean;
  /** Tells at once what is pending of the symbol: nothing follows. */
  finish(symbol: string): void;
  /** Drops what is pending: everyone starts again from a snapshot, which follows. */
  restart(): void;
  close(): void;
}

/** One symbol at one rate. */
interface Tier {
  readonly symbol: string;
  readonly everyMs: number;
  readonly room: string;
  /** What the room is told next. */
  pending: Tick | null;
  /** Who has all of `pending`, with its `join`. */
  readonly waiting: Map<string, () => void>;
  /** Somebody in the room has a part of `pending`. */
  overlaps: boolean;
}

interface Rate {
  readonly tiers: Set<Tier>;
  readonly stop: () => void;
}

/** Has no timer before the first `enter` at a rate. */
export function createTiers({ clock, headOf, hasMembers, emit }: TiersOptions): Tiers {
  const bySymbol = new Map<string, Tier[]>();
  const rates = new Map<number, Rate>();

  function add(symbol: string, everyMs: number): Tier {
    const room = tickRoom(symbol, everyMs);
    const tier: Tier = { symbol, everyMs, room, pending: null, waiting: new Map(), overlaps: false };
    bySymbol.set(symbol, [...(bySymbol.get(symbol) ?? []), tier]);
    const rate = rates.get(everyMs) ?? { tiers: new Set(), stop: clock.every(everyMs, () => flush(everyMs)) };
    rates.set(everyMs, rate);
    rate.tiers.add(tier);
    return tier;
  }

  function remove(tier: Tier): void {
    const rest = (bySymbol.get(tier.symbol) ?? []).filter((other) => other !== tier);
    if (rest.length === 0) bySymbol.delete(tier.symbol);
    else bySymbol.set(tier.symbol, rest);
    const rate = rates.get(tier.everyMs);
    rate?.tiers.delete(tier);
    if (rate?.tiers.size !== 0) return;
    rate.stop();
    rates.delete(tier.everyMs);
  }

  function flush(everyMs: number): void {
    for (const tier of rates.get(everyMs)?.tiers ?? []) {
      if (tier.waiting.size === 0 && !hasMembers(tier.room)) {
        remove(tier);
        continue;
      }
      tell(tier);
    }
  }

  function tell(tier: Tier): void {
    const tick = due(tier);
    if (tick !== null) emit(tier.room, tick);
    reset(tier);
  }

  function due({ symbol, pending, overlaps }: Tier): Tick | null {
    const head = headOf(symbol);
    // A generation that began without a price is told with its first tick.
    if (pending === null || head?.gen !== pending.gen) return null;
    return overlaps ? { ...pending, day: dayOf(head) } : pending;
  }

  function reset(tier: Tier): void {
    tier.pending = null;
    tier.overlaps = false;
    letIn(tier);
  }

  function letIn({ waiting }: Tier): void {
    if (waiting.size === 0) return;
    const joins = [...waiting.values()];
    waiting.clear();
    for (const join of joins) join();
  }

  return {
    has: (symbol) => bySymbol.has(symbol),
    accept: (tick) => {
      for (const tier of bySymbol.get(tick.symbol) ?? []) {
        tier.pending = tier.pending === null ? tick : mergeTicks(tier.pending, tick);
        if (tier.waiting.size > 0) {
          tier.overlaps = true;
          letIn(tier);
        }
      }
    },
    enter: (symbol, everyMs, member, join) => {
      if (everyMs === 0) return true;
      const known = bySymbol.get(symbol)?.find((tier) => tier.everyMs === everyMs);
      const tier = known ?? add(symbol, everyMs);
      if (!hasMembers(tier.room)) reset(tier);
      if (tier.pending === null) return true;
      tier.waiting.set(member, join);
      return false;
    },
    finish: (symbol) => bySymbol.get(symbol)?.forEach(tell),
    restart: () => {
      for (const tiers of bySymbol.values()) tiers.forEach(reset);
    },
    close: () => {
      for (const { stop } of rates.values()) stop();
      rates.clear();
      bySymbol.clear();
    },
  };
}
