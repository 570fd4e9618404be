/**
 * What a user may believe of the ticks that came: for each symbol, whether one is missing, came twice, or came without
 * being asked for. The rules are the wire's: seq rises by 1 per symbol and generation, `merged` stands for ticks before,
 * a snapshot sets the seq. Knows no socket and no clock.
 */
import type { Position, Snapshot, SubscribeResult, Tick } from '../server/protocol/index.ts';

/** Totals over all connections of one user. Of a server that loses nothing, all but `ticks` stay 0. */
export interface SequenceCounts {
  ticks: number;
  /** Holes in a symbol's seq, also those that the server owns up to by a snapshot with reason `gap`. */
  gaps: number;
  /** Ticks that were there before: a seq that does not rise, or a generation that is over. */
  repeats: number;
  /** Ticks of a symbol that is not subscribed, or ahead of its snapshot. */
  strays: number;
}

/** The judge of one user, told everything in the order in which it came. It counts what is wrong, and never throws. */
export interface SequenceCheck {
  readonly counts: Readonly<SequenceCounts>;
  /** Takes the results of a subscribe: ticks of these symbols may come from here on. */
  subscribed(results: Readonly<Record<string, SubscribeResult>>): void;
  /** Takes the end of a subscription: ticks of these symbols must not come any more. */
  unsubscribed(symbols: readonly string[]): void;
  snapshot(snapshot: Snapshot): void;
  tick(tick: Tick): void;
  /** The last position of a symbol that is or was subscribed; null before the first. */
  position(symbol: string): Position | null;
}

interface Stream {
  open: boolean;
  gen: string;
  seq: number;
  /** Generations that came before this one. */
  over: Set<string>;
}

/** Begins with no symbol subscribed: a tick that comes now is a stray. */
export function createSequenceCheck(): SequenceCheck {
  const counts: SequenceCounts = { ticks: 0, gaps: 0, repeats: 0, strays: 0 };
  const streams = new Map<string, Stream>();

  function moveTo(symbol: string, gen: string, seq: number): Stream {
    let stream = streams.get(symbol);
    if (stream === undefined) {
      stream = { open: true, gen, seq, over: new Set() };
      streams.set(symbol, stream);
      return stream;
    }
    if (stream.gen !== gen) stream.over.add(stream.gen);
    stream.gen = gen;
    stream.seq = seq;
    return stream;
  }

  return {
    counts,
    subscribed: (results) => {
      for (const [symbol, result] of Object.entries(results)) {
        if (!result.ok) continue;
        const known = streams.get(symbol);
        // Recovered means that the ticks after our own position follow, so that one stays.
        if (result.recovered && known !== undefined) known.open = true;
        else moveTo(symbol, result.gen, result.seq).open = true;
      }
    },
    unsubscribed: (symbols) => {
      for (const symbol of symbols) {
        const stream = streams.get(symbol);
        if (stream !== undefined) stream.open = false;
      }
    },
    snapshot: ({ quotes, reason }) => {
      for (const { symbol, gen, seq } of quotes) {
        const stream = streams.get(symbol);
        if (stream === undefined || !stream.open) continue;
        if (reason === 'gap' && stream.gen === gen && seq > stream.seq) counts.gaps++;
        moveTo(symbol, gen, seq);
      }
    },
    tick: ({ symbol, gen, seq, merged = 0 }) => {
      counts.ticks++;
      const stream = streams.get(symbol);
      if (stream === undefined || !stream.open) {
        counts.strays++;
        return;
      }
      if (stream.over.has(gen) || (stream.gen === gen && seq <= stream.seq)) {
        counts.repeats++;
        return;
      }
      const last = stream.gen === gen ? stream.seq : 0;
      if (seq - merged > last + 1) counts.gaps++;
      moveTo(symbol, gen, seq);
    },
    position: (symbol) => {
      const stream = streams.get(symbol);
      return stream === undefined ? null : [stream.gen, stream.seq];
    },
  };
}
