/**
 * How a tick changes a quote: the one rule that leader, sequencers and clients all follow, so that everyone holds
 * the same quote after the same tick. SPEC.md [Q1] to [Q3].
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
  const day = tick.day ?? (before === null ? firstDay(tick) : advanceDay(before, tick));
  const quote: Quote = {
    symbol: tick.symbol,
    price: tick.price,
    gen: tick.gen,
    seq: tick.seq,
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
