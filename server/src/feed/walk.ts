/**
 * One symbol's random walk. The price is a whole number of its smallest unit, so what comes out is an exact decimal
 * with the profile's decimals. Knows no clock and no other symbol.
 */
import type { Decimal, Quote } from '../../protocol/index.ts';
import type { Profile } from './catalogue.ts';
import { createRandom, drawNormal, hashText } from './random.ts';

/** One trade: its price and how much of it. */
export interface Step {
  price: Decimal;
  size: Decimal;
  /** On the first step of a symbol without a quote only: the figures of the day that begins with it. */
  day?: { open: Decimal; prevClose: Decimal };
}

/** Where a walk begins and how it goes. */
export interface WalkOptions {
  symbol: string;
  profile: Profile;
  seed: number;
  /** The time between two steps. */
  intervalMs: number;
  /** Where the walk goes on; none where the store knows no price of the symbol. */
  from: Quote | undefined;
  /** The price to begin at where there is no quote; by default the profile's. */
  lastPrice?: Decimal | undefined;
}

const hourMs = 3_600_000;
/** The price is drawn back to its start over this time, so that a run of weeks keeps its scale. */
const returnMs = 12 * hourMs;
/** The largest gap between yesterday's close and today's open, as a part of the price. */
const maxOvernight = 0.015;

function decimalsOf(decimal: Decimal): number {
  const point = decimal.indexOf('.');
  return point === -1 ? 0 : decimal.length - point - 1;
}

/** The decimal in units of 10^-decimals; digits beyond are cut. */
function unitsOf(decimal: Decimal, decimals: number): number {
  const [whole = '', fraction = ''] = decimal.split('.');
  return Number(whole + fraction.slice(0, decimals).padEnd(decimals, '0'));
}

function decimalOf(units: number, decimals: number): Decimal {
  const digits = String(units).padStart(decimals + 1, '0');
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** Gives the function that takes the next step. The same options give the same walk. */
export function createWalk({ symbol, profile, seed, intervalMs, from, lastPrice }: WalkOptions): () => Step {
  const decimals = decimalsOf(profile.start);
  const sizeDecimals = decimalsOf(profile.size);
  const start = unitsOf(profile.start, decimals);
  const typicalSize = unitsOf(profile.size, sizeDecimals);
  const deviation = profile.volatility * Math.sqrt(intervalMs / hourMs);
  const pull = Math.min(1, intervalMs / returnMs);
  // A price of another scale may have been left by another source; beyond this, units are no longer exact.
  const maxUnits = Number.MAX_SAFE_INTEGER / 2 ** 10;
  // The seq goes into the seed, or each new leader would repeat the last one's steps.
  const random = createRandom(hashText(symbol, seed) ^ (from?.seq ?? 0));

  const left = unitsOf(from?.price ?? lastPrice ?? profile.start, decimals);
  let units = left >= 1 && left <= maxUnits ? left : start;
  let isFirst = from === undefined;

  /** Rounds up as often as the fraction says, so that moves below one unit are not lost. */
  const whole = (value: number): number => Math.floor(value + random());

  return () => {
    const move = units * deviation * drawNormal(random) + (start - units) * pull;
    units = Math.min(maxUnits, Math.max(1, units + whole(move)));
    const price = decimalOf(units, decimals);
    // The square makes small trades common and large ones rare, with the mean at the typical size.
    const size = decimalOf(1 + Math.floor(typicalSize * 3 * random() ** 2), sizeDecimals);
    if (!isFirst) return { price, size };
    isFirst = false;
    const close = Math.max(1, units + whole(units * maxOvernight * (2 * random() - 1)));
    return { price, size, day: { open: price, prevClose: decimalOf(close, decimals) } };
  };
}
