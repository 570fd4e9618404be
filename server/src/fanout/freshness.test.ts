import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import type { FeedHealth } from '../backplane/contract.ts';
import { createLog } from '../support/log.ts';
import { createFreshness } from './freshness.ts';

function setUp() {
  const clock = createManualClock();
  const told: string[] = [];
  const silences: number[] = [];
  let listed = new Map(Object.entries({ simulator: ['A', 'B'], push: ['C'] }));
  const freshness = createFreshness({
    clock,
    log: createLog({ level: 'silent', node: 'n1' }),
    silenceMs: 1_500,
    symbolsBySource: () => listed,
    onChange: ({ state, reason }) => told.push(reason === '' ? state : `${state}: ${reason}`),
    onSilence: (since) => silences.push(since),
  });
  const feed = (push: FeedHealth['state'] = 'live'): FeedHealth => ({
    state: 'live',
    since: 1,
    reason: '',
    sources: [
      { name: 'simulator', state: 'live' },
      { name: 'push', state: push },
    ],
  });
  const announce = (epoch = 1, gen = 'gen001', push?: FeedHealth['state']) =>
    freshness.announced({ node: 'n1', epoch, gen, number: 1, feed: feed(push) });
  const list = (bySource: Record<string, string[]>): void => {
    listed = new Map(Object.entries(bySource));
    freshness.listChanged();
  };
  return { clock, told, freshness, announce, list, silences };
}

describe('createFreshness', () => {
  it('[FR1] is stale until a leader speaks, and tells each change once', async () => {
    const { freshness, announce, told, clock } = setUp();
    expect(freshness.feed()).toMatchObject({ state: 'stale', reason: 'no replica leads yet' });
    expect(freshness.isStale('A')).toBe(true);
    announce();
    await clock.advance(500);
    announce();
    expect(told).toEqual(['live']);
    expect(freshness.isStale('A')).toBe(false);
  });

  it('[LS2] names the symbols that are listed now; a change of the list is no change of the feed', () => {
    const { freshness, announce, list, told } = setUp();
    list({ simulator: ['A'], push: ['C', 'NEW'] });
    expect(freshness.feed().sources).toEqual([
      { name: 'simulator', state: 'stale', symbols: ['A'] },
      { name: 'push', state: 'stale', symbols: ['C', 'NEW'] },
    ]);
    expect(freshness.isStale('NEW')).toBe(true);
    announce();
    expect([freshness.isStale('NEW'), told]).toEqual([false, ['live']]);
    list({ simulator: ['A'], push: [] });
    expect(freshness.feed()).toMatchObject({ state: 'live', sources: [{ symbols: ['A'] }, { symbols: [] }] });
    expect(told).toEqual(['live']);
  });

  it('[FR1] a source that is stale makes its own symbols stale', () => {
    const { freshness, announce, told } = setUp();
    announce();
    announce(1, 'gen001', 'stale');
    expect(told).toEqual(['live', 'live']);
    expect(['A', 'C'].map((symbol) => freshness.isStale(symbol))).toEqual([false, true]);
    expect(freshness.feed().state).toBe('live');
  });

  it('[FR2] silence makes everything stale, and is told again while it lasts', async () => {
    const { clock, freshness, announce, told, silences } = setUp();
    const startedAt = clock.monotonic();
    announce();
    await clock.advance(1_499);
    expect(told).toEqual(['live']);
    await clock.advance(3_001);
    expect(told).toEqual(['live', 'stale: no word from a leader']);
    expect(silences).toEqual(Array.from({ length: 12 }, () => startedAt + 1_500));
    expect(freshness.isStale('C')).toBe(true);
    announce();
    expect(told.at(-1)).toBe('live');
  });

  it('[FR4] silence is told from the start, also where no word ever came', async () => {
    const { clock, told, silences } = setUp();
    await clock.advance(1_749);
    expect(silences).toHaveLength(0);
    await clock.advance(1);
    expect([told, silences.length]).toEqual([[], 1]);
  });

  it('[FR2] a link that is down makes everything stale at once', () => {
    const { freshness, announce, told } = setUp();
    announce();
    freshness.linkChanged({ at: 'down', since: 0, reason: 'no connection' });
    expect(told).toEqual(['live', 'stale: the backplane is away: no connection']);
    freshness.linkChanged({ at: 'up' });
    expect(freshness.feed().state).toBe('stale');
  });

  it('[FR2] silence is counted from the return of a link, and not while it is down', async () => {
    const { clock, freshness, announce, told, silences } = setUp();
    announce();
    await clock.advance(1_000);
    freshness.linkChanged({ at: 'down', since: 0, reason: 'no connection' });
    await clock.advance(5_000);
    expect(told).toEqual(['live', 'stale: the backplane is away: no connection']);
    freshness.linkChanged({ at: 'up' });
    await clock.advance(1_749);
    expect(silences).toHaveLength(0);
    await clock.advance(1);
    expect(silences).toHaveLength(1);
    freshness.linkChanged({ at: 'down', since: 0, reason: 'it is built anew' });
    freshness.linkChanged({ at: 'up' });
    await clock.advance(1_749);
    expect(silences).toHaveLength(1);
    await clock.advance(1);
    expect(silences).toHaveLength(2);
  });

  it('does not listen to a leader of the past, unless the store began anew', () => {
    const { announce } = setUp();
    const heard = [announce(5), announce(4), announce(5), announce(1, 'gen002'), announce(6, 'gen002')];
    expect(heard).toEqual([true, false, true, true, true]);
  });
});
