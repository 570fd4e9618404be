/** What was missed since a position: all of it, exactly as it was appended, or nothing. On a small store. */
import { describe, expect, it } from 'vitest';
import type { TickDraft } from '../../src/backplane/contract.ts';
import { claim, symbolsOf, type Stage } from './contract-stage.ts';
import { counted, draft, draftsOf, lead, missedSince, readOne, replayed } from './store-steps.ts';

export function describeTickHistory(stage: Stage): void {
  describe('histories', () => {
    it('is empty, each shard for itself', async () => {
      const [first = ''] = symbolsOf(stage, 0, 'EMPTY', 1);
      const [second = ''] = symbolsOf(stage, 1, 'EMPTY', 1);
      const { gen } = await claim(stage.one, stage.nextTerm(), 1);
      expect(await readOne(stage.two, first, { after: [gen, 0] })).toEqual({
        gen: null,
        quote: null,
        missed: null,
      });
      expect((await readOne(stage.two, second)).gen).toBe(gen);
    });

    it('gives missed ticks exactly as they were appended', async () => {
      const term = await lead(stage.one, stage.nextTerm(), 1);
      const [symbol = ''] = symbolsOf(stage, 1, 'EXACT', 1);
      const day = { open: '0.10', high: '9.90', low: '0.10', volume: '7.0', prevClose: '3.00' };
      const ticks: TickDraft['tick'][] = [
        { symbol, price: '1.0', ts: 1_790_000_000_123, day },
        { symbol, price: '1.10', size: '0.500', ts: 2 },
        { symbol, price: '1', ts: 3, merged: 2, high: '1.20', low: '0.90' },
      ];
      await term.append(ticks.map((tick) => ({ tick, day })));
      const stored = ticks.map((tick, index) => ({ ...tick, gen: term.gen, seq: index + 1 }));
      for (const [seq] of [0, 1, 2, 3].entries()) {
        const { missed } = await readOne(stage.two, symbol, { after: [term.gen, seq] });
        expect(missed).toEqual(stored.slice(seq));
      }
    });

    it('holds as many as it may, and gives all or nothing at the edge', async () => {
      const term = await lead(stage.one, stage.nextTerm(), 1);
      const [symbol = ''] = symbolsOf(stage, 1, 'EDGE', 1);
      expect(await missedSince(term, symbol, 0)).toEqual([]);
      expect(await missedSince(term, symbol, 1)).toBeNull();
      await term.append(draftsOf(symbol, 4));
      expect(await missedSince(term, symbol, 0)).toEqual(['1', '2', '3', '4']);
      await term.append(draftsOf(symbol, 5, 5));
      expect(await missedSince(term, symbol, 4)).toBeNull();
      // Also for one who would take more than there is.
      for (const seq of [0, 1, 2, 3, 4])
        expect(await missedSince(term, symbol, seq, { maxMissed: 100 })).toBeNull();
      expect(await missedSince(term, symbol, 5)).toEqual(['6', '7', '8', '9']);
      expect(await missedSince(term, symbol, 8)).toEqual(['9']);
      expect(await missedSince(term, symbol, 9)).toEqual([]);
      expect((await readOne(stage.two, symbol)).quote).toMatchObject({ price: '9', seq: 9 });
    });

    it('gives nothing for a position that cannot be, and without one', async () => {
      const term = await lead(stage.one, stage.nextTerm(), 1);
      const [symbol = ''] = symbolsOf(stage, 1, 'ODD', 1);
      await term.append(draftsOf(symbol, 3));
      for (const seq of [4, -1, 1.5, NaN, 1e300, 2 ** 53]) {
        expect(await missedSince(term, symbol, seq)).toBeNull();
      }
      const other = term.gen === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA';
      for (const gen of [other, '']) {
        expect((await readOne(stage.two, symbol, { after: [gen, 2] })).missed).toBeNull();
      }
      expect((await readOne(stage.two, symbol)).missed).toBeNull();
    });

    it('gives nothing where more was missed than is asked for', async () => {
      const term = await lead(stage.one, stage.nextTerm(), 1);
      const [symbol = ''] = symbolsOf(stage, 1, 'MOST', 1);
      await term.append(draftsOf(symbol, 3));
      expect(await missedSince(term, symbol, 1, { maxMissed: 1 })).toBeNull();
      expect(await missedSince(term, symbol, 1, { maxMissed: 2 })).toEqual(['2', '3']);
      expect(await missedSince(term, symbol, 3, { maxMissed: 0 })).toEqual([]);
    });

    it('answers one read over both shards in its order', async () => {
      const terms = [await lead(stage.one, stage.nextTerm(), 0), await lead(stage.one, stage.nextTerm(), 1)];
      const [a = '', b = ''] = symbolsOf(stage, 0, 'BOTH', 2);
      const [c = '', d = ''] = symbolsOf(stage, 1, 'BOTH', 2);
      await terms[0]?.append([draft(a, '1'), draft(b, '2')]);
      await terms[1]?.append([draft(c, '3'), draft(d, '4')]);
      const after: [string, number] = [terms[1]?.gen ?? '', 0];
      const stored = await stage.two.tickStore.read([c, a, d, b].map((symbol) => ({ symbol, after })));
      expect(stored.map(({ quote }) => quote?.price)).toEqual(['3', '1', '4', '2']);
      expect(stored.map(({ missed }) => missed?.length ?? null)).toEqual([1, null, 1, null]);
      expect(stored.map(({ gen }) => gen)).toEqual([1, 0, 1, 0].map((shard) => terms[shard]?.gen));
    });

    it('keeps generation, epoch and last batch of each shard apart', async () => {
      const first = await lead(stage.one, stage.nextTerm(), 0);
      const second = await lead(stage.two, stage.nextTerm(), 1);
      expect(second.gen).not.toBe(first.gen);
      const [a = ''] = symbolsOf(stage, 0, 'APART', 1);
      const [b = ''] = symbolsOf(stage, 1, 'APART', 1);
      const batchId = 'same name';
      expect(await first.append([draft(a, '1')], { batchId })).toEqual(counted([1]));
      expect(await second.append([draft(b, '1')], { batchId })).toEqual(counted([1]));
      expect(await first.append([draft(a, '1')], { batchId })).toEqual(replayed([1]));
      expect(await first.append([draft(a, '2')], { gen: second.gen })).toMatchObject({
        reason: 'generation',
      });
      expect(await first.append([draft(a, '2')], { epoch: second.epoch })).toMatchObject({ reason: 'epoch' });
      const { quotes } = await claim(stage.one, stage.nextTerm(), 0);
      expect(quotes.map(({ symbol }) => stage.one.tickStore.shardOf(symbol))).toEqual(quotes.map(() => 0));
    });
  });
}
