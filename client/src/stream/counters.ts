/** What a stream counted since it was made, so that a client can prove what it saw. */

/** Totals over all connections of one stream; they only rise. */
export interface Counters {
  /** Ticks that were handed on. */
  ticks: number;
  /** Times that a symbol's ticks were missing: seen by seq, or told by the server. */
  gaps: number;
  /** Gaps that the server filled with every missing tick, or, at a slower rate, with one merged tick. */
  recovered: number;
  /** Ticks that came merged into a later one. */
  merged: number;
  /** Ticks that were dropped because their seq had been passed. */
  duplicates: number;
  /** Events that were dropped because their shape was wrong. */
  malformed: number;
}

/** The counters of a stream that saw nothing yet, an object of its own that is counted in place. */
export function zeroCounters(): Counters {
  return { ticks: 0, gaps: 0, recovered: 0, merged: 0, duplicates: 0, malformed: 0 };
}
