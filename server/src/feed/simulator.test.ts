import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isDecimal, isPositive, parseSymbol, significantDigits, type Quote } from '../../protocol/index.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { systemClock } from '../support/clock.ts';
import { catalogueSymbols, profileOf } from './catalogue.ts';
import type { FeedHealth, FeedTick } from './feed.ts';
import { createPushFeed } from './push.ts';
import { createSimulator } from './simulator.ts';
import { createWalk } from './walk.ts';

const decimalsOf = (decimal: string): number => decimal.split('.')[1]?.length ?? 0;

function quoteOf(symbol: string, price: string, seq = 7): Quote {
  const day = { open: price, high: price, low: price, volume: '0' };
  return { symbol, price, gen: 'aaaaaa', seq, ts: 0, stale: false, ...day };
}

/** The steps of a walk: by default the seed is 1 and a step is half a second, from the start of the profile. */
function walkOf(symbol: string, more: Partial<Parameters<typeof createWalk>[0]> = {}) {
  const profile = profileOf(symbol);
  return createWalk({ symbol, profile, seed: 1, intervalMs: 500, from: undefined, ...more });
}

const quotesOf = (...quotes: Quote[]) => new Map(quotes.map((quote) => [quote.symbol, quote]));

const simulator = (symbols: string[] = ['BTC-USD', 'AAPL'], intervalMs = 500) =>
  createSimulator({ symbols, intervalMs, phase: 'burst', seed: 1, clock: systemClock });

function listen() {
  const batches: FeedTick[][] = [];
  const states: FeedHealth[] = [];
  return {
    batches,
    states,
    from: (quotes = new Map<string, Quote>()) => ({
      quotes,
      sourceSeqs: new Map<string, number>(),
      onTicks: (ticks: FeedTick[]) => void batches.push(ticks),
      onState: (state: FeedHealth) => void states.push(state),
    }),
  };
}

const stepsFrom = (seq: number): string[] => {
  const next = walkOf('BTC-USD', { from: quoteOf('BTC-USD', '64250.00', seq) });
  return Array.from({ length: 5 }, () => next().price);
};

const symbolText = fc.stringMatching(/^[A-Z0-9]{1,8}([-./][A-Z0-9]{1,8})?$/);
const anySymbol = fc.oneof(fc.constantFrom(...catalogueSymbols), symbolText);

describe('the catalogue', () => {
  it('has at least 24 symbols, each with exact positive figures', () => {
    expect(catalogueSymbols.length).toBeGreaterThanOrEqual(24);
    for (const symbol of catalogueSymbols) {
      const { start, size } = profileOf(symbol);
      expect(parseSymbol(symbol)).toBe(symbol);
      expect(isDecimal(start) && isPositive(start) && isDecimal(size) && isPositive(size)).toBe(true);
    }
  });

  it('gives any other symbol a profile that follows from its name', () => {
    fc.assert(
      fc.property(symbolText, (symbol) => {
        const { start, size } = profileOf(symbol);
        expect(isDecimal(start) && isPositive(start) && isDecimal(size)).toBe(true);
        expect(profileOf(symbol)).toEqual(profileOf(symbol));
      }),
    );
    expect(profileOf('ACME').start).not.toBe(profileOf('ACMF').start);
    expect(profileOf('constructor').start).toMatch(/^\d+\.\d\d$/);
  });
});

describe('a walk', () => {
  const anyWalk = fc.record({
    symbol: anySymbol,
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    intervalMs: fc.constantFrom(10, 500, 60_000, 3_600_000),
  });

  it('gives positive decimals with the decimals of the profile', () => {
    fc.assert(
      fc.property(anyWalk, ({ symbol, seed, intervalMs }) => {
        const profile = profileOf(symbol);
        const next = walkOf(symbol, { seed, intervalMs });
        for (let step = 0; step < 200; step++) {
          const { price, size } = next();
          expect(isDecimal(price) && isPositive(price) && significantDigits(price) <= 16).toBe(true);
          expect(decimalsOf(price)).toBe(decimalsOf(profile.start));
          expect(isDecimal(size) && isPositive(size)).toBe(true);
          expect(decimalsOf(size)).toBe(decimalsOf(profile.size));
        }
      }),
    );
  });

  it('is the same for the same seed and another for another', () => {
    fc.assert(
      fc.property(anyWalk, ({ symbol, seed, intervalMs }) => {
        const walk = (withSeed: number): string => {
          const next = walkOf(symbol, { seed: withSeed, intervalMs });
          return JSON.stringify(Array.from({ length: 50 }, next));
        };
        expect(walk(seed)).toBe(walk(seed));
        expect(walk(seed)).not.toBe(walk(seed + 1));
      }),
    );
  });

  it('goes on from the quote without a jump and without stating the day', () => {
    fc.assert(
      fc.property(anySymbol, fc.integer({ min: 1000, max: 10_000_000 }), fc.nat(), (symbol, units, seq) => {
        const profile = profileOf(symbol);
        const decimals = decimalsOf(profile.start);
        const digits = String(units).padStart(decimals + 1, '0');
        const price = `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
        const from = quoteOf(symbol, price, seq);
        const step = walkOf(symbol, { profile: { ...profile, start: price }, from })();
        expect(step.day).toBeUndefined();
        const after = Number(step.price.replace('.', ''));
        // At most 3.5 deviations of half a second, and one unit of rounding.
        expect(Math.abs(after - units)).toBeLessThanOrEqual(units * 0.018 * Math.sqrt(0.5 / 3600) * 3.5 + 1);
      }),
    );
  });

  it('does not repeat the steps of the leader before', () => {
    expect(stepsFrom(100)).not.toEqual(stepsFrom(101));
  });

  it.each([
    ['begins anew where its price is of no use in its units', '0.001', /^22\d\.\d\d$/],
    ['begins anew where its price has no room for decimals', '123456789012345.6', /^22\d\.\d\d$/],
    ['cuts the finer digits that another source left', '228.4099999', /^228\.\d\d$/],
  ])('from a quote of another scale %s', (_what, price, expected) => {
    expect(walkOf('AAPL', { from: quoteOf('AAPL', price), intervalMs: 10 })().price).toMatch(expected);
  });

  it('keeps the scale of its price over a month, and moves', () => {
    for (const symbol of ['BTC-USD', 'KO', 'EUR-USD']) {
      const next = walkOf(symbol, { seed: 3, intervalMs: 60_000 });
      const prices = Array.from({ length: 43_200 }, () => next().price);
      const start = Number(profileOf(symbol).start);
      expect(new Set(prices).size).toBeGreaterThan(50);
      expect(Math.min(...prices.map(Number))).toBeGreaterThan(start * 0.7);
      expect(Math.max(...prices.map(Number))).toBeLessThan(start * 1.4);
    }
  });
});

describe('the simulator', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_700_000_000_000 }));
  afterEach(() => void vi.useRealTimers());

  /** What a simulator gives within so long from its start. */
  function batchesOf(
    feed: ReturnType<typeof simulator>,
    ms: number,
    quotes?: Map<string, Quote>,
  ): FeedTick[][] {
    const heard = listen();
    feed.start(heard.from(quotes));
    vi.advanceTimersByTime(ms);
    feed.stop();
    return heard.batches;
  }

  it('is live from its start, ticks every symbol at once and then at each interval', () => {
    const heard = listen();
    const feed = simulator();
    feed.start(heard.from());
    expect(heard.states).toEqual([{ at: 'live' }]);
    expect(heard.batches).toEqual([]);
    vi.advanceTimersByTime(1_000);
    const [start, both] = [1_700_000_000_000, ['BTC-USD', 'AAPL']];
    expect(heard.batches.map((ticks) => ticks.map(({ symbol }) => symbol))).toEqual([both, both, both]);
    expect(heard.batches.map((ticks) => ticks[0]?.ts)).toEqual([start, start + 500, start + 1_000]);
    feed.stop();
  });

  it("states open and the last day's close on a symbol's first tick ever, and not again", () => {
    const quotes = quotesOf(quoteOf('BTC-USD', '64250.00'));
    const [first, second] = batchesOf(simulator(['AAPL', 'BTC-USD']), 500, quotes);
    const [share, coin] = first ?? [];
    expect(share?.day?.open).toBe(share?.price);
    expect(share?.day?.prevClose).toMatch(/^2[23]\d\.\d\d$/);
    expect(coin?.day).toBeUndefined();
    expect(second?.[0]?.day).toBeUndefined();
  });

  it('makes up no ticks for a pause, and comes back to its rhythm', () => {
    const heard = listen();
    const timers: { ms: number; callback: () => void }[] = [];
    let time = 0;
    const clock = {
      now: () => time,
      monotonic: () => time,
      after: (ms: number, callback: () => void) => {
        timers.push({ ms, callback });
        return () => undefined;
      },
    };
    createSimulator({ symbols: ['AAPL'], intervalMs: 500, phase: 'burst', seed: 1, clock }).start(
      heard.from(),
    );
    for (const at of [0.4, 501, 2_700, 3_000, 3_999, 4_500]) {
      time = at;
      timers.at(-1)?.callback();
    }
    expect(heard.batches.map((ticks) => ticks[0]?.ts)).toEqual([0.4, 501, 2_700, 3_000, 3_999, 4_500]);
    expect(timers.map(({ ms }) => ms)).toEqual([0, 499.6, 499, 300, 500, 501, 500]);
  });

  it('calls nothing back after it was stopped, also from within a tick, and starts again', () => {
    const heard = listen();
    const feed = simulator(['AAPL']);
    feed.start(heard.from());
    feed.stop();
    vi.advanceTimersByTime(2_000);
    expect(heard.batches).toEqual([]);

    let ticks = 0;
    feed.start({
      ...heard.from(),
      onTicks: () => {
        ticks++;
        feed.stop();
      },
    });
    vi.advanceTimersByTime(2_000);
    expect(ticks).toBe(1);

    expect(batchesOf(feed, 500)).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('started while it runs, calls the new listener alone', () => {
    const before = listen();
    const feed = simulator(['AAPL']);
    feed.start(before.from());
    expect(batchesOf(feed, 500)).toHaveLength(2);
    expect(before.batches).toEqual([]);
  });

  it('[LS3] gives prices of the symbols that it was assigned last, others going on as they were', async () => {
    const { batches, from } = listen();
    const alone = listen();
    const [feed, other] = [simulator(['BTC-USD', 'AAPL']), simulator(['BTC-USD', 'AAPL'])];
    feed.start(from());
    other.start(alone.from());
    await vi.advanceTimersByTimeAsync(500);
    feed.assign(['BTC-USD', 'NEW-USD']);
    expect(feed.symbols).toEqual(['BTC-USD', 'NEW-USD']);
    await vi.advanceTimersByTimeAsync(1_000);
    const names = batches.map((batch) => batch.map(({ symbol }) => symbol).join());
    expect(new Set(names.slice(0, 2))).toEqual(new Set(['BTC-USD,AAPL']));
    expect(new Set(names.slice(2))).toEqual(new Set(['BTC-USD,NEW-USD']));
    const prices = (all: FeedTick[][]) => all.flat().filter(({ symbol }) => symbol === 'BTC-USD');
    expect(prices(batches)).toEqual(prices(alone.batches));
    feed.stop();
    other.stop();
  });

  it('[LS4] goes on from the quote of a symbol that comes back, and does not state its day again', async () => {
    const { batches, from } = listen();
    const quotes = new Map<string, Quote>();
    const feed = simulator(['BTC-USD', 'AAPL']);
    feed.start(from(quotes));
    await vi.advanceTimersByTimeAsync(0);
    feed.assign(['BTC-USD']);
    quotes.set('AAPL', quoteOf('AAPL', '77.70'));
    feed.assign(['BTC-USD', 'AAPL']);
    await vi.advanceTimersByTimeAsync(500);
    const back = batches.at(-1)?.find(({ symbol }) => symbol === 'AAPL');
    expect(Number(back?.price)).toBeCloseTo(77.7, 0);
    expect(back).not.toHaveProperty('day');
    feed.stop();
  });

  it('gives no empty batch where it has no symbols', () => {
    expect(batchesOf(simulator([]), 5_000)).toEqual([]);
  });

  it('goes on at its last price, and states the day anew, where the store lost its quotes', () => {
    const feed = simulator(['BTC-USD']);
    const [before] = batchesOf(feed, 0, quotesOf(quoteOf('BTC-USD', '50000.00')))[0] ?? [];
    const [after] = batchesOf(feed, 0)[0] ?? [];
    expect(before?.day).toBeUndefined();
    expect(after?.day).toBeDefined();
    expect(Math.abs(Number(after?.price) - Number(before?.price))).toBeLessThan(50);
  });
});

describe('the push feed', () => {
  it('holds its symbols and is live whenever it runs', () => {
    const feed = createPushFeed({ symbols: ['DEMO'] });
    const { batches, states, from } = listen();
    for (let time = 0; time < 2; time++) {
      feed.start(from());
      feed.stop();
    }
    expect(feed.symbols).toEqual(['DEMO']);
    expect([batches, states]).toEqual([[], [{ at: 'live' }, { at: 'live' }]]);
  });
});

describe('the phase', () => {
  /** The times at which each symbol had ticks in two seconds, with the prices at half a second. */
  async function timesOf(phase: 'spread' | 'burst'): Promise<Map<string, number[]>> {
    const clock = createManualClock();
    const times = new Map<string, number[]>();
    const feed = createSimulator({
      symbols: ['AAPL', 'MSFT', 'KO', 'GE'],
      intervalMs: 500,
      phase,
      seed: 1,
      clock,
    });
    feed.start({
      quotes: new Map(),
      sourceSeqs: new Map(),
      onTicks: (ticks) => {
        for (const { symbol } of ticks) times.set(symbol, [...(times.get(symbol) ?? []), clock.monotonic()]);
      },
      onState: () => {},
    });
    await clock.advance(1_100);
    feed.stop();
    return times;
  }

  it('spread gives each symbol a time of its own in each interval', async () => {
    expect(Object.fromEntries(await timesOf('spread'))).toEqual({
      AAPL: [0, 500, 1_000],
      MSFT: [125, 625],
      KO: [250, 750],
      GE: [375, 875],
    });
  });

  it('burst gives all of them at once', async () => {
    for (const times of (await timesOf('burst')).values()) expect(times).toEqual([0, 500, 1_000]);
  });
});
