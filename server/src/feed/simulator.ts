/**
 * The built-in source: a seeded random walk for each of its symbols, one tick of each per interval, spread over it or all at once. It
 * goes on from the quotes that it is handed, so that a change of leader is no jump. Knows no day: the leader keeps it.
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
  /** `spread`: each symbol at a time of its own, as real sources do. `burst`: all symbols together. */
  phase: 'spread' | 'burst';
  /** A whole number; the same seed, quotes and interval give the same prices. */
  seed: number;
  clock: Pick<Clock, 'now' | 'monotonic' | 'after'>;
}

/** The first tick comes as soon as it was started. Two ticks of a symbol are at least half an interval apart; after a pause none are made up. */
export function createSimulator({ intervalMs, phase, seed, clock, ...options }: SimulatorOptions): Feed {
  let { symbols } = options;
  let cancel: (() => void) | null = null;
  // Outlives a store that lost its quotes, so that a new generation is no jump either.
  const lastPrices = new Map<string, Decimal>();
  /** Of each symbol, what takes its next step; while it runs. */
  let walks = new Map<string, () => Step>();
  /** The same, in the order of a round. */
  let steps: [symbol: string, next: () => Step][] = [];
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

  function walk(all: readonly string[], stepOf: (symbol: string) => () => Step): void {
    steps = all.map((symbol) => [symbol, stepOf(symbol)]);
    walks = new Map(steps);
  }

  function start({ quotes, onTicks, onState }: FeedStart): void {
    stop();
    from = quotes;
    walk(symbols, beginWalk);
    /** When this round of all symbols began, and how many of them had their tick in it. */
    let roundAt = clock.monotonic();
    let given = 0;

    function tick(): void {
      const ts = clock.now();
      const now = clock.monotonic();
      const shareMs = phase === 'burst' ? 0 : intervalMs / Math.max(1, steps.length);
      const ticks: FeedTick[] = [];
      const first = given;
      for (; given < steps.length && roundAt + given * shareMs <= now; given++) {
        const [symbol, next] = steps[given] ?? [];
        if (symbol !== undefined && next !== undefined) ticks.push(Object.assign(next(), { symbol, ts }));
      }
      if (given >= steps.length) {
        // The next round is at least half an interval away, also after one that came late.
        const lateMs = now - (roundAt + first * shareMs);
        roundAt += intervalMs * Math.max(1, Math.ceil(lateMs / intervalMs + 0.5));
        given = 0;
      }
      // Before the callback, which may stop the feed.
      cancel = clock.after(Math.max(0, roundAt + given * shareMs - now), tick);
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
      if (cancel !== null) walk(next, (symbol) => walks.get(symbol) ?? beginWalk(symbol));
    },
    start,
    stop,
  };
}
