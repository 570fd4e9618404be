import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  compareDecimals,
  isDecimal,
  isPositive,
  parseSymbol,
  significantDigits,
  type Quote,
} from '../../protocol/index.ts';
import { systemClock } from '../support/clock.ts';
import { catalogueSymbols, profileOf } from './catalogue.ts';
import type { FeedHealth, FeedTick } from './feed.ts';
import { createPushFeed } from './push.ts';
import { createSimulator } from './simulator.ts';
import { createWalk } from './walk.ts';

const decimalsOf = (decimal: string): number => decimal.split('.')[1]?.length ?? 0;

function quoteOf(symbol: string, price: string, seq = 7): Quote {
  return {
    symbol,
    price,
    gen: 'aaaaaa',
    seq,
    ts: 0,
    stale: false,
    open: price,
    high: price,
    low: price,
    volume: '0',
  };
}

const simulator = (symbols: string[] = ['BTC-USD', 'AAPL'], intervalMs = 500) =>
  createSimulator({ symbols, intervalMs, seed: 1, clock: systemClock });

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
  const from = quoteOf('BTC-USD', '64250.00', seq);
  const next = createWalk({
    symbol: 'BTC-USD',
    profile: profileOf('BTC-USD'),
    seed: 1,
    intervalMs: 500,
    from,
  });
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
        const next = createWalk({ symbol, profile, seed, intervalMs, from: undefined });
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
          const next = createWalk({
            symbol,
            profile: profileOf(symbol),
            seed: withSeed,
            intervalMs,
            from: undefined,
          });
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
        const next = createWalk({
          symbol,
          profile: { ...profile, start: price },
          seed: 1,
          intervalMs: 500,
          from: quoteOf(symbol, price, seq),
        });
        const step = next();
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

  it.each(['0.001', '123456789012345.6'])(
    'begins anew where the quote %s is of no use in its units',
    (price) => {
      const from = quoteOf('AAPL', price);
      const next = createWalk({ symbol: 'AAPL', profile: profileOf('AAPL'), seed: 1, intervalMs: 500, from });
      expect(next().price).toMatch(/^22\d\.\d\d$/);
    },
  );

  it('cuts the finer digits of a quote that another source left', () => {
    const from = quoteOf('AAPL', '228.4099999');
    const next = createWalk({ symbol: 'AAPL', profile: profileOf('AAPL'), seed: 1, intervalMs: 10, from });
    expect(next().price).toMatch(/^228\.\d\d$/);
  });

  it('keeps the scale of its price over a month, and moves', () => {
    for (const symbol of ['BTC-USD', 'KO', 'EUR-USD']) {
      const profile = profileOf(symbol);
      const next = createWalk({ symbol, profile, seed: 3, intervalMs: 60_000, from: undefined });
      const prices = Array.from({ length: 43_200 }, () => next().price);
      const start = Number(profile.start);
      expect(new Set(prices).size).toBeGreaterThan(50);
      expect(Math.min(...prices.map(Number))).toBeGreaterThan(start * 0.7);
      expect(Math.max(...prices.map(Number))).toBeLessThan(start * 1.4);
    }
  });
});

describe('the simulator', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_700_000_000_000 }));
  afterEach(() => void vi.useRealTimers());

  it('is live from its start, ticks every symbol at once and then at each interval', () => {
    const heard = listen();
    const feed = simulator();
    feed.start(heard.from());
    expect(heard.states).toEqual([{ at: 'live' }]);
    expect(heard.batches).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(heard.batches.map((ticks) => ticks.map(({ symbol }) => symbol))).toEqual([
      ['BTC-USD', 'AAPL'],
      ['BTC-USD', 'AAPL'],
      ['BTC-USD', 'AAPL'],
    ]);
    expect(heard.batches.map((ticks) => ticks[0]?.ts)).toEqual([
      1_700_000_000_000, 1_700_000_000_500, 1_700_000_001_000,
    ]);
    feed.stop();
  });

  it("states open and the last day's close on a symbol's first tick ever, and not again", () => {
    const heard = listen();
    const feed = simulator(['AAPL', 'BTC-USD']);
    feed.start(heard.from(new Map([['BTC-USD', quoteOf('BTC-USD', '64250.00')]])));
    vi.advanceTimersByTime(500);
    feed.stop();
    const [first, second] = heard.batches;
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
    createSimulator({ symbols: ['AAPL'], intervalMs: 500, seed: 1, clock }).start(heard.from());
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

    feed.start(heard.from());
    vi.advanceTimersByTime(500);
    expect(heard.batches.length).toBe(2);
    feed.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('started while it runs, calls the new listener alone', () => {
    const before = listen();
    const after = listen();
    const feed = simulator(['AAPL']);
    feed.start(before.from());
    feed.start(after.from());
    vi.advanceTimersByTime(500);
    feed.stop();
    expect(before.batches).toEqual([]);
    expect(after.batches.length).toBe(2);
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
    const heard = listen();
    const feed = simulator([]);
    feed.start(heard.from());
    vi.advanceTimersByTime(5_000);
    feed.stop();
    expect(heard.batches).toEqual([]);
  });

  it('hands its last price over to the next leader', () => {
    const heard = listen();
    const feed = simulator(['BTC-USD']);
    feed.start(heard.from());
    vi.advanceTimersByTime(10_000);
    feed.stop();
    const last = heard.batches.at(-1)?.[0]?.price ?? '';
    const next = listen();
    feed.start(next.from(new Map([['BTC-USD', quoteOf('BTC-USD', last, 21)]])));
    vi.advanceTimersByTime(0);
    feed.stop();
    const price = next.batches[0]?.[0]?.price ?? '';
    expect(Math.abs(Number(price) - Number(last))).toBeLessThan(64_250 * 0.001);
    expect(compareDecimals(price, '0')).toBeGreaterThan(0);
  });

  it('goes on at its last price, and states the day anew, where the store lost its quotes', () => {
    const heard = listen();
    const feed = simulator(['BTC-USD']);
    feed.start(heard.from(new Map([['BTC-USD', quoteOf('BTC-USD', '50000.00')]])));
    vi.advanceTimersByTime(0);
    feed.start(heard.from());
    vi.advanceTimersByTime(0);
    feed.stop();
    const [before, after] = heard.batches.map(([tick]) => tick);
    expect(before?.day).toBeUndefined();
    expect(after?.day).toBeDefined();
    expect(Math.abs(Number(after?.price) - Number(before?.price))).toBeLessThan(50);
  });
});

describe('the push feed', () => {
  it('holds its symbols and is live whenever it runs', () => {
    const feed = createPushFeed({ symbols: ['DEMO'] });
    const states: FeedHealth[] = [];
    const from = {
      quotes: new Map(),
      sourceSeqs: new Map(),
      onTicks: () => expect.fail('push has no ticks'),
      onState: (s: FeedHealth) => void states.push(s),
    };
    feed.start(from);
    feed.stop();
    feed.start(from);
    feed.stop();
    expect(feed.symbols).toEqual(['DEMO']);
    expect(states).toEqual([{ at: 'live' }, { at: 'live' }]);
  });
});
