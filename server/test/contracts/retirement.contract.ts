/** What goes of symbols that are listed no more, and what stays so that no seq is ever used twice. On a small store. */
import { describe, expect, it } from 'vitest';
import { claim, symbolsOf, type Stage } from './contract-stage.ts';
import { counted, draft, draftsOf, lead, missedSince, readOne, type Term } from './store-steps.ts';

export function describeRetirement(stage: Stage): void {
  describe('retired symbols', () => {
    const symbols = (name: string, count: number) => symbolsOf(stage, 1, name, count);
    const retire = (
      { node, gen, epoch }: Term,
      change: { retired?: string[]; forgotten?: string[] },
    ): Promise<boolean> => node.tickStore.retire(1, { gen, epoch, retired: [], forgotten: [], ...change });

    it('[LS4] one that is retired loses its history and goes on from its head', async () => {
      const term = await lead(stage.one, stage.nextTerm(), 1);
      const [symbol = '', other = ''] = symbols('GOES', 2);
      await term.append([...draftsOf(symbol, 3), ...draftsOf(other, 3)]);
      expect(await retire(term, { retired: [symbol] })).toBe(true);
      expect(await missedSince(term, symbol, 2)).toBeNull();
      expect(await missedSince(term, symbol, 3)).toEqual([]);
      expect(await missedSince(term, other, 2)).toEqual(['3']);
      expect((await readOne(stage.two, symbol)).quote).toMatchObject({ price: '3', seq: 3 });

      const next = await lead(stage.two, stage.nextTerm(), 1);
      expect(next.gen).toBe(term.gen);
      expect(await next.append(draftsOf(symbol, 2, 4))).toEqual(counted([4, 5]));
      expect(await missedSince(next, symbol, 2)).toBeNull();
      expect(await missedSince(next, symbol, 3)).toEqual(['4', '5']);
    });

    it('keeps the last source number of a retired one, so that its source repeats nothing', async () => {
      const term = await lead(stage.one, stage.nextTerm(), 1);
      const [symbol = ''] = symbols('SOURCE', 1);
      await term.append([draft(symbol, '1', 7)]);
      await retire(term, { retired: [symbol] });
      expect(await term.append([draft(symbol, '1', 7), draft(symbol, '2', 8)])).toEqual(counted([null, 2]));
    });

    it('[LS4] of one that is forgotten nothing stays, and no seq comes twice', async () => {
      const term = await lead(stage.one, stage.nextTerm(), 1);
      const [symbol = '', lower = '', fresh = ''] = symbols('GONE', 3);
      await term.append([...draftsOf(symbol, 9), draft(lower, '1', 5)]);
      expect(await retire(term, { forgotten: [symbol, lower] })).toBe(true);
      expect(await readOne(stage.two, symbol, { after: [term.gen, 9] })).toEqual({
        gen: term.gen,
        quote: null,
        missed: null,
      });
      const { quotes, sourceSeqs } = await claim(stage.two, stage.nextTerm(), 1);
      expect(quotes.filter((quote) => [symbol, lower].includes(quote.symbol))).toEqual([]);
      expect(sourceSeqs.has(lower)).toBe(false);

      const next = await lead(stage.two, stage.nextTerm(), 1);
      expect(await next.append([draft(symbol, '1'), draft(symbol, '2')])).toEqual(counted([10, 11]));
      expect(await next.append([draft(lower, '1', 1)])).toEqual(counted([10]));
      expect(await next.append([draft(fresh, '1')])).toEqual(counted([10]));
      // Who was there before gets all that it missed, or is told that it is gone.
      expect(await missedSince(next, symbol, 9)).toEqual(['1', '2']);
      expect(await missedSince(next, symbol, 8)).toBeNull();
      expect(await missedSince(next, lower, 1)).toBeNull();
      expect(await missedSince(next, fresh, 0)).toBeNull();
      // The highest head stays the one that counts.
      await retire(next, { forgotten: [lower] });
      expect(await next.append([draft(lower, '1')])).toEqual(counted([11]));
    });

    it('takes symbols that it does not know, and the same ones again', async () => {
      const term = await lead(stage.one, stage.nextTerm(), 1);
      const [symbol = '', unknown = ''] = symbols('AGAIN', 2);
      await term.append([draft(symbol, '1')]);
      const head = (await readOne(stage.two, symbol)).quote?.seq ?? 0;
      for (let i = 0; i < 2; i++) {
        expect(await retire(term, { retired: [symbol], forgotten: [unknown] })).toBe(true);
        expect((await readOne(stage.two, symbol)).quote?.seq).toBe(head);
      }
    });

    it('refuses a leader of the past and another generation, and drops nothing for them', async () => {
      const old = await lead(stage.one, stage.nextTerm(), 1);
      const [symbol = ''] = symbols('FENCED', 1);
      await old.append(draftsOf(symbol, 2));
      const head = (await readOne(stage.two, symbol)).quote?.seq ?? 0;
      const term = await lead(stage.two, stage.nextTerm(), 1);
      expect(await retire(old, { retired: [symbol], forgotten: [symbol] })).toBe(false);
      const gen = term.gen === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA';
      expect(await retire({ ...term, gen }, { retired: [symbol] })).toBe(false);
      expect(await missedSince(term, symbol, head - 1)).toEqual(['2']);
    });
  });
}
