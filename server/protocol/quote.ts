/**
 * How a tick changes a quote, and how two ticks become one: the rules that leader, replicas and clients all follow,
 * so that everyone holds the same quote after the same ticks. SPEC.md [W4], [Q1] to [Q3].
 */
import { addDecimals, maxDecimal, minDecimal } from './decimal.ts';
import type { DayFigures, Quote, Tick } from './types.ts';

/** The day's figures after a tick that follows `before` within the same day. */
export function advanceDay(
  before: DayFigures,
  tick: Pick<Tick, 'price' | 'size' | 'high' | 'low'>,
): DayFigures {
  const day: DayFigures = {
    open: before.open,
    high: maxDecimal(before.high, tick.high ?? tick.price),
    low: minDecimal(before.low, tick.low ?? tick.price),
    volume: tick.size === undefined ? before.volume : addDecimals(before.volume, tick.size),
  };
  if (before.prevClose !== undefined) day.prevClose = before.prevClose;
  return day;
}

/** The quote after the tick [Q1]. A symbol's first tick always states `day`, so `before` is null only together with it. */
export function applyTick(before: Quote | null, tick: Tick): Quote {
  return quoteOf(tick, tick, tick.day ?? (before === null ? firstDay(tick) : advanceDay(before, tick)));
}

/** The quote after a tick, where the day's figures after it are known already. */
export function quoteOf(
  tick: Pick<Tick, 'symbol' | 'price' | 'size' | 'ts'>,
  { gen, seq }: Pick<Tick, 'gen' | 'seq'>,
  day: DayFigures,
): Quote {
  const quote: Quote = {
    symbol: tick.symbol,
    price: tick.price,
    gen,
    seq,
    ts: tick.ts,
    stale: false,
    open: day.open,
    high: day.high,
    low: day.low,
    volume: day.volume,
  };
  if (tick.size !== undefined) quote.size = tick.size;
  if (day.prevClose !== undefined) quote.prevClose = day.prevClose;
  return quote;
}

/**
 * The one tick that stands for both [W4]: `b` follows `a` in the same symbol and generation, and either may be merged itself.
 * A quote is the same after it as after both, but for `size`, which is the sum of theirs.
 */
export function mergeTicks(a: Tick, b: Tick): Tick {
  const merged: Tick = {
    symbol: b.symbol,
    price: b.price,
    gen: b.gen,
    seq: b.seq,
    ts: b.ts,
    merged: b.seq - a.seq + (a.merged ?? 0),
  };
  if (hasRange(a) && hasRange(b)) {
    merged.high = maxDecimal(a.high ?? a.price, b.high ?? b.price);
    merged.low = minDecimal(a.low ?? a.price, b.low ?? b.price);
    const size =
      a.size === undefined || b.size === undefined ? (a.size ?? b.size) : addDecimals(a.size, b.size);
    if (size !== undefined) merged.size = size;
  }
  const day = b.day ?? (a.day === undefined ? undefined : advanceDay(a.day, b));
  if (day !== undefined) merged.day = day;
  return merged;
}

/** False where a tick stands for others of which it knows no more than what they led to, which is its `day`. */
function hasRange({ merged, high }: Tick): boolean {
  return merged === undefined || high !== undefined;
}

/** The day's figures of a quote alone. */
export function dayOf({ open, high, low, volume, prevClose }: Quote): DayFigures {
  return prevClose === undefined ? { open, high, low, volume } : { open, high, low, volume, prevClose };
}

/** The figures of a day that begins with this tick; `prevClose` is the last price of the day before, where there was one. */
export function firstDay(
  tick: Pick<Tick, 'price' | 'size' | 'high' | 'low'>,
  prevClose?: string,
): DayFigures {
  const day: DayFigures = {
    open: tick.price,
    high: tick.high ?? tick.price,
    low: tick.low ?? tick.price,
    volume: tick.size ?? '0',
  };
  if (prevClose !== undefined) day.prevClose = prevClose;
  return day;
}
