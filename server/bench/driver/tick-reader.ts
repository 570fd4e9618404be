/**
 * Ticks from the text of their frames. A thousand clients get the same text, so it is parsed once and found again by itself
 * afterwards: what a delivery costs the driver is one copy and one look-up.
 */
import { z } from 'zod';

/** What a client reads in one tick. */
export interface SeenTick {
  /** The symbol's place in the list. */
  symbol: number;
  seq: number;
  /** Ticks before it that it stands for. */
  merged: number;
  ts: number;
}

/** Reads for every client of a crowd, which all have the same list of symbols. */
export interface TickReader {
  /** The tick in a text frame's payload; null where it is another message. Throws where it is a broken one. */
  read(bytes: Buffer, start: number, end: number): SeenTick | null;
}

const tickEvent = z.tuple([
  z.literal('tick'),
  z.object({
    symbol: z.string(),
    gen: z.string(),
    price: z.string(),
    seq: z.int(),
    ts: z.number(),
    merged: z.int().optional(),
  }),
]);
const opening = '42["tick",';
/** Texts that are remembered, then all are forgotten: several turns of hundreds of symbols. */
const maxTexts = 8_192;

/** Reads ticks of these symbols. */
export function createTickReader(symbols: readonly string[]): TickReader {
  const places = new Map(symbols.map((symbol, place) => [symbol, place]));
  const seen = new Map<string, SeenTick>();

  function parse(text: string): SeenTick {
    const [, { symbol, seq, merged = 0, ts }] = tickEvent.parse(JSON.parse(text.slice(2)));
    const place = places.get(symbol);
    if (place === undefined) throw new Error(`a tick of ${symbol}, which nobody here asked for`);
    return { symbol: place, seq, merged, ts };
  }

  return {
    read: (bytes, start, end) => {
      const text = bytes.toString('latin1', start, end);
      const known = seen.get(text);
      if (known !== undefined) return known;
      if (!text.startsWith(opening)) return null;
      if (seen.size >= maxTexts) seen.clear();
      const tick = parse(text);
      seen.set(text, tick);
      return tick;
    },
  };
}
