/** Whether a row may be taken for the present, and how old it is. Pure. */
import type { FeedState, Quote } from '../../../server/protocol/index.ts';
import type { ConnectionState } from '../stream/index.ts';
import type { Row } from './row.ts';

/**
 * `live`: as good as the feed. `stale`: its source is silent. `offline`: nobody tells us of changes now.
 * `empty`: no price yet. `pending`: refused for now, and asked for again. `unlisted`: the server does not serve it.
 * `retired`: it did, and does so no longer.
 */
export type Freshness = 'live' | 'stale' | 'offline' | 'empty' | 'pending' | 'unlisted' | 'retired';

/** Says of each symbol whether it is stale; `quote` speaks for itself until the feed was told. */
export type IsStale = (quote: Pick<Quote, 'symbol' | 'stale'>) => boolean;

/** A feed that is stale while none of its sources is, is stale as a whole: the way from the sources to us is broken. */
export function stalenessOf(feed: FeedState | null): IsStale {
  if (feed === null) return (quote) => quote.stale;
  const staleSources = feed.sources.filter(({ state }) => state === 'stale');
  if (staleSources.length === 0) return () => feed.state === 'stale';
  const symbols = new Set(staleSources.flatMap((source) => source.symbols));
  return ({ symbol }) => symbols.has(symbol);
}

/**
 * The one word for a row. Where several would fit, a refusal goes first, then no price, no connection and a silent
 * source.
 */
export function freshnessOf(
  row: Pick<Row, 'quote' | 'problem'>,
  connection: ConnectionState['at'],
  isStale: IsStale,
): Freshness {
  if (row.problem?.name === 'retired') return 'retired';
  if (row.problem !== null) return row.problem.isPassing ? 'pending' : 'unlisted';
  if (row.quote === null) return 'empty';
  if (connection !== 'live') return 'offline';
  return isStale(row.quote) ? 'stale' : 'live';
}

/** Milliseconds since the source stated the quote. `skewMs` is how far the server's clock is ahead of `now`'s. */
export function ageMs(quote: Pick<Quote, 'ts'>, now: number, skewMs: number): number {
  return Math.max(0, now + skewMs - quote.ts);
}
