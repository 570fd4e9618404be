/**
 * The ticks of a run, the same for every peer: each turn is one tick of each symbol, as the leader makes them, with texts
 * of one length. Knows no sockets.
 */
import { randomInt } from 'node:crypto';
import type { Tick } from '../protocol/index.ts';

/** The ticks of a run, turn by turn. It has no end. */
export interface Script {
  /** The seq of the last turn; 0 before the first. */
  seq(): number;
  /** The next tick of each symbol, made at this moment. */
  next(): Tick[];
}

/** Prices of these symbols in a generation. The first turn has the seq after `seq`. */
export function createScript(symbols: readonly string[], gen: string, seq = 0): Script {
  return {
    seq: () => seq,
    next: () => {
      seq += 1;
      const ts = Date.now();
      // The order of keys is the leader's.
      return symbols.map((symbol) => ({ symbol, gen, seq, price: decimal(64_000), ts, size: decimal(10) }));
    },
  };
}

/** Two digits behind the point, and always as many before it. */
function decimal(base: number): string {
  return `${base + randomInt(Math.floor(base / 8))}.${String(randomInt(100)).padStart(2, '0')}`;
}

/** The names of so many symbols. */
export function symbolNames(count: number): string[] {
  return Array.from({ length: count }, (_, place) => `S${String(place).padStart(3, '0')}-USD`);
}

/** The message that a tick is on the wire of Socket.IO. */
export function tickMessage(tick: Tick): string {
  return `42${JSON.stringify(['tick', tick])}`;
}
