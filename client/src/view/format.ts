/** Numbers as people read them. Prices stay text: every digit that came is shown, none is added. */
import type { Decimal } from '../../../server/protocol/index.ts';

/** Groups the whole part: `64250.10` becomes `64,250.10`. */
export function formatDecimal(decimal: Decimal): string {
  const [whole = '', fraction] = decimal.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** Cuts a price where it begins to differ from the one before: the part that stayed, and the part that moved. */
export function splitMoved(price: string, previous: string | null): [stayed: string, moved: string] {
  if (previous === null || previous.length !== price.length) return ['', price];
  let same = 0;
  while (same < price.length && price[same] === previous[same]) same += 1;
  return [price.slice(0, same), price.slice(same)];
}

/** An age in milliseconds as one short number with its unit. */
export function formatAge(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${seconds.toFixed(0)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** A count with its thousands grouped. */
export function formatCount(count: number): string {
  return formatDecimal(String(count));
}

/** Where a price lies between low and high, from 0 to 1. Only draws a mark, so a float is exact enough. */
export function placeBetween(price: Decimal, low: Decimal, high: Decimal): number {
  const span = Number(high) - Number(low);
  return span > 0 ? Math.min(1, Math.max(0, (Number(price) - Number(low)) / span)) : 0.5;
}
