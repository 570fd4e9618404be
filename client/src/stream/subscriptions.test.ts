import { describe, expect, it } from 'vitest';
import { refusal, type CodeName } from '../../../server/protocol/index.ts';
import {
  createStreamAsking,
  createStreamUnderTest,
  createStreamWith,
  quoteOf,
  resultAt,
  tickOf,
} from './testing/fake-links.ts';

const refusedAs = (name: CodeName) => ({ ok: false, ...refusal(name) }) as const;
const away = refusedAs('store_unavailable');
const seqs = (ticks: { seq: number }[]) => ticks.map(({ seq }) => seq);

describe('the subscriptions of a stream', () => {
  it('asks for what is wanted once it is live, each symbol once and in upper case', () => {
    const test = createStreamUnderTest();
    test.stream.subscribe(['btc-usd', 'BTC-USD', 'AAPL']);
    expect(test.link().sent).toEqual([]);
    test.goLive();
    expect(test.link().lastAsk()).toEqual({ symbols: ['BTC-USD', 'AAPL'] });
  });

  it('[SB2] tells how each symbol fared, one that is none at once', () => {
    const test = createStreamUnderTest();
    test.stream.subscribe(['A', 'NOPE', 'not a symbol']);
    expect(test.results[0]).toMatchObject({ 'not a symbol': { ok: false, code: 4101 } });
    test.goLive();
    test.link().answer({ NOPE: refusedAs('unknown_symbol') });
    expect(test.results[1]).toEqual({ A: resultAt(1), NOPE: refusedAs('unknown_symbol') });
  });

  it('has one subscribe in flight and sends what came meanwhile after its answer', () => {
    const test = createStreamAsking('A');
    test.stream.subscribe(['B', 'C']);
    test.clock.advance(100);
    expect(test.link().sent).toHaveLength(1);
    test.link().answer();
    expect(test.nextAsk()).toEqual({ symbols: ['B', 'C'] });
  });

  it('asks for everything again on the next connection, from where each symbol was', () => {
    const test = createStreamWith('A', 'B');
    test.tick('A', 2);
    test.stream.subscribe(['C']);
    test.reconnect();
    expect(test.link().lastAsk()).toEqual({
      symbols: ['A', 'B', 'C'],
      since: { A: ['g1', 2], B: ['g1', 1] },
    });
  });

  it('unsubscribes, and drops what still comes', () => {
    const test = createStreamWith('A', 'B');
    test.stream.unsubscribe(['a']);
    expect(test.link().sent.at(-1)).toMatchObject({ name: 'unsubscribe', payload: ['A'] });
    test.tick('A', 2);
    test.snapshot(quoteOf('A', 5));
    expect(test.ticks).toEqual([]);
    expect(test.quotes).toHaveLength(2);
    expect(test.stream.symbols()).toEqual(['B']);
  });

  const passed = [2, 3, 3, 1, 2, 4].map((seq) => tickOf('A', seq));

  it.each([
    ['[W2] hands each tick on once', passed, [2, 3, 4], { ticks: 3, duplicates: 3, gaps: 0 }],
    [
      '[W3] a merged tick stands for the ticks before it',
      [tickOf('A', 5, { merged: 3 })],
      [5],
      { merged: 3, gaps: 0 },
    ],
    [
      '[W3] a merged tick that stands for too few is a gap',
      [tickOf('A', 5, { merged: 2 })],
      [],
      { ticks: 0, gaps: 1 },
    ],
  ])('%s', (_title, ticks, expected, counters) => {
    const test = createStreamWith('A');
    for (const tick of ticks) test.emit('tick', tick);
    expect(seqs(test.ticks)).toEqual(expected);
    expect(test.stream.counters()).toMatchObject(counters);
  });

  it('[W3] sees a hole, asks for it once, and takes the replay that fills it', () => {
    const test = createStreamWith('A');
    test.clock.advance(1_000);
    test.tick('A', 4, 5);
    expect(test.nextAsk()).toEqual({ symbols: ['A'], since: { A: ['g1', 1] } });
    test.tick('A', 2, 3, 4, 5);
    test.link().answer({ A: resultAt(5, { recovered: true, replayed: 4 }) });
    test.tick('A', 6);
    test.clock.advance(1_000);
    expect(seqs(test.ticks)).toEqual([2, 3, 4, 5, 6]);
    expect(test.stream.counters()).toMatchObject({ gaps: 1, recovered: 1, duplicates: 0 });
    expect(test.link().sent).toHaveLength(2);
  });

  it('goes on from the snapshot where a hole cannot be filled', () => {
    const test = createStreamWith('A');
    test.clock.advance(1_000);
    test.tick('A', 9);
    test.clock.advance(0);
    test.snapshot(quoteOf('A', 10));
    test.link().answer({ A: resultAt(10) });
    test.tick('A', 11);
    expect(seqs(test.ticks)).toEqual([11]);
    expect(test.stream.counters()).toMatchObject({ gaps: 1, recovered: 0 });
  });

  it('does not ask for holes more often than four times a second', () => {
    const test = createStreamWith('A');
    for (let seq = 10; seq < 1_000; seq += 10) {
      test.tick('A', seq);
      test.clock.advance(10);
      if (test.link().sent.length > 1) test.link().answer({ A: resultAt(1) });
    }
    expect(test.link().sent.length).toBeLessThanOrEqual(5);
  });

  it('[W2] asks again when a tick is of another generation than its snapshot', () => {
    const test = createStreamWith('A');
    test.clock.advance(1_000);
    test.emit('tick', tickOf('A', 2, { gen: 'g2' }));
    test.clock.advance(0);
    expect(test.ticks).toEqual([]);
    expect(test.link().lastAsk().since).toEqual({ A: ['g1', 1] });
    test.snapshot(quoteOf('A', 2, { gen: 'g2' }), 'generation');
    test.link().answer({ A: resultAt(2, { gen: 'g2' }) });
    test.emit('tick', tickOf('A', 3, { gen: 'g2' }));
    expect(seqs(test.ticks)).toEqual([3]);
    expect(test.stream.counters()).toMatchObject({ gaps: 0 });
  });

  it('[SB5] takes the first tick of a symbol that had no quote', () => {
    const test = createStreamAsking('NEW');
    test.link().answer({ NEW: resultAt(0) });
    test.tick('NEW', 1);
    expect(seqs(test.ticks)).toEqual([1]);
  });

  it('counts what was missed while away, and whether it was recovered', () => {
    const test = createStreamWith('A', 'B', 'C');
    test.reconnect();
    const recovered = resultAt(7, { recovered: true, replayed: 6 });
    test.link().answer({ A: recovered, B: resultAt(9), C: resultAt(2) });
    expect(test.stream.counters()).toMatchObject({ gaps: 2, recovered: 1 });
  });

  it('[SQ3] counts a gap that the server tells of', () => {
    const test = createStreamWith('A');
    test.snapshot(quoteOf('A', 2), 'gap');
    expect(test.stream.counters()).toMatchObject({ gaps: 0 });
    test.snapshot(quoteOf('A', 50), 'gap');
    expect(test.stream.counters()).toMatchObject({ gaps: 1 });
  });

  it('asks again after a refusal that passes and after an answer that never comes', () => {
    const test = createStreamAsking('A');
    const busy = { code: 4500, name: 'x', message: 'x', retry: 'later' };
    test.link().sent[0]?.answer({ ok: false, symbols: [], ...busy });
    test.clock.advance(1_500);
    expect(test.link().sent).toHaveLength(2);
    for (let i = 0; i < 7; i += 1) {
      test.emit('heartbeat', { at: 1 });
      test.clock.advance(1_000);
    }
    expect(test.link().sent).toHaveLength(3);
  });

  it('asks again for the symbols that were refused for now, and not for those that were for good', () => {
    const test = createStreamAsking('A', 'B', 'NOPE');
    test.link().answer({ A: away, NOPE: refusedAs('unknown_symbol') });
    expect(test.results[0]).toMatchObject({ A: { retry: 'later' }, NOPE: { retry: 'never' } });
    // Others need not wait for that.
    test.stream.subscribe(['C']);
    expect(test.nextAsk().symbols).toEqual(['C']);
    test.link().answer();
    for (let round = 0; round < 3; round += 1) {
      test.emit('heartbeat', { at: 1 });
      test.clock.advance(1_500);
      expect(test.link().lastAsk().symbols).toEqual(['A']);
      test.link().answer({ A: away });
    }
    expect(test.link().sent).toHaveLength(5);
    test.clock.advance(1_500);
    test.link().answer();
    expect(test.results.at(-1)).toEqual({ A: resultAt(1) });
    test.emit('heartbeat', { at: 1 });
    test.clock.advance(4_000);
    expect(test.link().sent).toHaveLength(6);
  });

  it('forgets a refusal for now with the symbol and with the connection', () => {
    const test = createStreamAsking('A', 'B');
    test.link().answer({ A: away, B: away });
    test.stream.unsubscribe(['A']);
    test.lose();
    test.clock.advance(250);
    test.goLive();
    expect(test.link().lastAsk().symbols).toEqual(['B']);
    test.link().answer();
    test.clock.advance(4_000);
    expect(test.link().sent).toHaveLength(1);
  });

  it('tells every symbol of a refusal that is for good', () => {
    const test = createStreamAsking('A', 'B');
    const told = { ok: false, code: 4200, name: 'x', message: 'm', retry: 'never' };
    test.link().sent[0]?.answer({ symbols: [], ...told });
    expect(test.results).toEqual([{ A: told, B: told }]);
  });

  it('[RT2] asks for each rate by itself, and for all at theirs on the next connection', () => {
    const test = createStreamUnderTest();
    test.stream.subscribe(['A', 'B'], { everyMs: 1_000 });
    test.stream.subscribe(['C']);
    test.goLive();
    expect(test.link().lastAsk()).toEqual({ symbols: ['A', 'B'], everyMs: 1_000 });
    test.link().answer();
    expect(test.nextAsk()).toEqual({ symbols: ['C'] });
    test.link().answer();
    test.emit('snapshot', { quotes: ['A', 'B', 'C'].map((s) => quoteOf(s, 1)), reason: 'subscribe' });
    test.reconnect();
    expect(test.link().lastAsk()).toEqual({
      symbols: ['A', 'B'],
      everyMs: 1_000,
      since: { A: ['g1', 1], B: ['g1', 1] },
    });
    test.link().answer();
    expect(test.nextAsk()).toEqual({ symbols: ['C'], since: { C: ['g1', 1] } });
  });

  it('[RT2] a change of rate begins with a snapshot, and what it skips is no gap', () => {
    const test = createStreamWith('A', 'B');
    test.stream.subscribe(['A', 'B'], { everyMs: 0 });
    test.stream.subscribe(['A'], { everyMs: 250 });
    expect(test.nextAsk()).toEqual({ symbols: ['A'], everyMs: 250 });
    test.tick('A', 2);
    test.link().answer({ A: resultAt(9, { everyMs: 250 }) });
    test.snapshot(quoteOf('A', 9));
    test.emit('tick', tickOf('A', 14, { merged: 6 }));
    expect(seqs(test.ticks)).toEqual([2, 14]);
    expect(test.stream.counters()).toMatchObject({ gaps: 0, merged: 6, duplicates: 0 });
    test.clock.advance(1_000);
    expect(test.link().sent).toHaveLength(2);
  });

  it('[RT4] takes one merged tick for all that it missed while away', () => {
    const test = createStreamUnderTest();
    test.stream.subscribe(['A'], { everyMs: 1_000 });
    test.goLive();
    test.link().answer();
    test.snapshot(quoteOf('A', 1));
    test.reconnect();
    test.link().answer({ A: resultAt(40, { everyMs: 1_000, recovered: true, replayed: 1 }) });
    test.emit('tick', tickOf('A', 40, { merged: 38 }));
    expect(seqs(test.ticks)).toEqual([40]);
    expect(test.stream.counters()).toMatchObject({ gaps: 1, recovered: 1, merged: 38, duplicates: 0 });
  });

  it('[LS2] tells that a wanted symbol was retired, and goes on with it from where it was once it is added again', () => {
    const changes: unknown[] = [];
    const test = createStreamUnderTest({ onSymbols: (change) => void changes.push(change) });
    test.goLiveWith('A', 'B');
    test.tick('A', 2);
    test.emit('symbols', { added: [], retired: ['A', 'OTHER'] });
    expect(test.results.at(-1)).toEqual({ A: refusedAs('retired') });
    expect(test.stream.symbols()).toEqual(['A', 'B']);
    test.clock.advance(4_000);
    expect(test.link().sent).toHaveLength(1);
    test.emit('symbols', { added: ['NEW', 'A'], retired: [] });
    expect(test.nextAsk()).toEqual({ symbols: ['A'], since: { A: ['g1', 2] } });
    expect(test.link().sent).toHaveLength(2);
    test.link().answer({ A: resultAt(3, { recovered: true, replayed: 1 }) });
    test.tick('A', 3);
    expect(seqs(test.ticks)).toEqual([2, 3]);
    expect(changes).toEqual([
      { added: [], retired: ['A', 'OTHER'] },
      { added: ['NEW', 'A'], retired: [] },
    ]);
  });

  it('[LS2] asks for a wanted symbol that was not listed once it is', () => {
    const test = createStreamAsking('LATER');
    test.link().answer({ LATER: refusedAs('unknown_symbol') });
    test.emit('symbols', { added: ['LATER'], retired: [] });
    expect(test.nextAsk()).toEqual({ symbols: ['LATER'] });
    expect(test.link().sent).toHaveLength(2);
  });

  it('[LS2] asks again where a symbol came back while it was asked for', () => {
    const test = createStreamAsking('A');
    test.emit('symbols', { added: ['A'], retired: [] });
    test.link().answer({ A: refusedAs('retired') });
    test.clock.advance(0);
    expect(test.link().sent).toHaveLength(2);
    test.link().answer();
    expect(test.results.at(-1)).toEqual({ A: resultAt(1) });
  });

  it('drops and counts what is malformed', () => {
    const test = createStreamWith('A');
    for (const bad of [null, 3, {}, tickOf('A', 2, { price: '1e5' }), { ...tickOf('A', 2), seq: -1 }]) {
      test.emit('tick', bad);
    }
    test.emit('snapshot', { quotes: [{}], reason: 'subscribe' });
    test.emit('feed', { state: 'fine' });
    test.emit('symbols', { added: ['A'] });
    expect(test.ticks).toEqual([]);
    expect(test.stream.counters().malformed).toBe(8);
  });
});
