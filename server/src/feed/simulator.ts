/**
 * The built-in source: a seeded random walk for each of its symbols, all of them at each interval. It goes on from
 * the quotes that it is handed, so that a change of leader is no jump. Knows no day: the leader keeps it.
 */
import type { Decimal } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import { profileOf } from './catalogue.ts';
import type { Feed, FeedStart, FeedTick } from './feed.ts';
import { createWalk, type Step } from './walk.ts';

/** The same options give the same prices. */
export interface SimulatorOptions {
  symbols: readonly string[];
  /** The time between two ticks of a symbol. */
  intervalMs: number;
  /** A whole number; the same seed, quotes and interval give the same prices. */
  seed: number;
  clock: Pick<Clock, 'now' | 'monotonic' | 'after'>;
}

/** The first ticks come as soon as it was started, the next at multiples of the interval, none closer than half of it; after a pause none are made up. */
export function createSimulator({ intervalMs, seed, clock, ...options }: SimulatorOptions): Feed {
  let { symbols } = options;
  let cancel: (() => void) | null = null;
  // Outlives a store that lost its quotes, so that a new generation is no jump either.
  const lastPrices = new Map<string, Decimal>();
  /** Of each symbol, what takes its next step; while it runs. */
  let walks = new Map<string, () => Step>();
  let from: FeedStart['quotes'] = new Map();

  function stop(): void {
    cancel?.();
    cancel = null;
  }

  function beginWalk(symbol: string): () => Step {
    return createWalk({
      symbol,
      profile: profileOf(symbol),
      seed,
      intervalMs,
      from: from.get(symbol),
      lastPrice: lastPrices.get(symbol),
    });
  }

  function start({ quotes, onTicks, onState }: FeedStart): void {
    stop();
    from = quotes;
    walks = new Map(symbols.map((symbol) => [symbol, beginWalk(symbol)]));
    let dueAt = clock.monotonic();

    function tick(): void {
      const ts = clock.now();
      const now = clock.monotonic();
      // The next one that is at least half an interval away: each tick has a time of its own, also after one that came late.
      dueAt += intervalMs * Math.max(1, Math.ceil((now - dueAt) / intervalMs + 0.5));
      // Before the callback, which may stop the feed.
      cancel = clock.after(dueAt - now, tick);
      const ticks: FeedTick[] = [];
      for (const [symbol, next] of walks) ticks.push(Object.assign(next(), { symbol, ts }));
      for (const { symbol, price } of ticks) lastPrices.set(symbol, price);
      if (ticks.length > 0) onTicks(ticks);
    }

    cancel = clock.after(0, tick);
    onState({ at: 'live' });
  }

  return {
    name: 'simulator',
    get symbols() {
      return symbols;
    },
    assign: (next) => {
      symbols = next;
      if (cancel !== null)
        walks = new Map(next.map((symbol) => [symbol, walks.get(symbol) ?? beginWalk(symbol)]));
    },
    start,
    stop,
  };
}
