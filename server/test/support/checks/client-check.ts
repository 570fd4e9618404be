/**
 * Judges one client's stream over all its connections by I2: seq rises, and whatever was not seen is explained by `merged`, by a
 * snapshot with reason `gap`, by a new generation or by an answer that said `recovered: false`.
 */
import type { Snapshot, SubscribeResult, Tick } from '../../../protocol/index.ts';
import { orderFault } from './order.ts';

/** Where a symbol is: a generation, and the newest seq of it that was seen. */
export interface Head {
  gen: string;
  seq: number;
}

/** Totals over all connections of one client, `forget` or not. */
export interface CheckCounts {
  ticks: number;
  merged: number;
  /** Symbols that an answer took up where this client was. */
  recovered: number;
  /** Symbols that an answer did not: what came meanwhile is lost, and was said to be. */
  unrecovered: number;
  /** Symbols of snapshots with reason `gap` that went beyond what was seen. */
  gaps: number;
  /** Changes of generation. */
  generations: number;
}

/** The judge of one client. Nothing here throws: what is wrong is told by `faults`, up to a number. */
export interface ClientCheck {
  told(results: Readonly<Record<string, SubscribeResult>>): void;
  placed(snapshot: Snapshot): void;
  arrived(tick: Tick): void;
  /** The connection ended, and this client will ask anew without saying where it was. */
  forget(): void;
  head(symbol: string): Head | undefined;
  counts(): Readonly<CheckCounts>;
  /** What nothing explains, in words. */
  faults(): string[];
}

const maxFaults = 20;

/** The caller hands on everything in the order in which it came. */
export function createClientCheck(): ClientCheck {
  const heads = new Map<string, Head>();
  /** Generations that a symbol has left. */
  const left = new Map<string, Set<string>>();
  /** Symbols whose last answer said that nothing was recovered. */
  const anew = new Set<string>();
  const counts: CheckCounts = { ticks: 0, merged: 0, recovered: 0, unrecovered: 0, gaps: 0, generations: 0 };
  const faults: string[] = [];

  function fault(text: string): void {
    if (faults.length < maxFaults) faults.push(`[I2] ${text}`);
  }

  function move(symbol: string, head: Head | undefined, { gen, seq }: Head): void {
    if (head !== undefined && head.gen !== gen) {
      const gone = left.get(symbol) ?? new Set();
      left.set(symbol, gone.add(head.gen));
      counts.generations += 1;
    }
    if (left.get(symbol)?.has(gen) === true) fault(`${symbol} is back in ${gen}, which it had left`);
    heads.set(symbol, { gen, seq });
  }

  return {
    told: (results) => {
      for (const [symbol, result] of Object.entries(results)) {
        if (!result.ok) continue;
        anew.delete(symbol);
        if (!result.recovered) anew.add(symbol);
        const head = heads.get(symbol);
        if (head === undefined || head.gen !== result.gen) continue;
        if (result.recovered) counts.recovered += 1;
        else counts.unrecovered += 1;
      }
    },

    placed: ({ quotes, reason }) => {
      for (const { symbol, gen, seq } of quotes) {
        const head = heads.get(symbol);
        if (head?.gen === gen) {
          if (seq < head.seq)
            fault(`${symbol} ${gen}:${seq} (snapshot, ${reason}) after ${head.seq}: falling`);
          else if (seq > head.seq) {
            if (reason === 'gap') counts.gaps += 1;
            else if (reason !== 'subscribe' || !anew.has(symbol))
              fault(
                `${symbol} ${gen}:${seq} (snapshot, ${reason}) after ${head.seq}: a hole that nobody told of`,
              );
          }
        }
        move(symbol, head, { gen, seq });
      }
    },

    arrived: (tick) => {
      const { symbol, gen, seq, merged = 0 } = tick;
      const head = heads.get(symbol);
      counts.ticks += 1;
      counts.merged += merged;
      const wrong = orderFault(head, tick);
      if (wrong !== null) fault(wrong);
      move(symbol, head, { gen, seq });
    },

    forget: () => {
      heads.clear();
      left.clear();
      anew.clear();
    },

    head: (symbol) => heads.get(symbol),
    counts: () => counts,
    faults: () => [...faults],
  };
}
