/** The tick store: generation, seq, the fence, and what is kept of each symbol's last tick. */
import { describe, expect, it } from 'vitest';
import { maxAppendTicks, type TickDraft } from '../../src/backplane/contract.ts';
import { claim, type Stage } from './contract-stage.ts';
import { counted, draft, lead, readOne } from './store-steps.ts';

export function describeTickStore(stage: Stage): void {
  describe('tick store', () => {
    it('gives each symbol seq 1 and then always the next, across appends, nodes and leaders', async () => {
      const first = await lead(stage.one, stage.nextTerm());
      expect(await first.append([draft('SEQ-A', '1'), draft('SEQ-B', '1'), draft('SEQ-A', '2')])).toEqual(
        counted([1, 1, 2]),
      );
      const second = await lead(stage.two, stage.nextTerm());
      expect(await second.append([draft('SEQ-B', '2'), draft('SEQ-A', '3')])).toEqual(counted([2, 3]));
    });

    it('refuses the claim of an older leader, and takes the same one again', async () => {
      const { epoch, gen } = await lead(stage.one, stage.nextTerm());
      expect(await stage.two.tickStore.claim(0, epoch - 1)).toEqual({ ok: false, reason: 'epoch' });
      expect((await claim(stage.one, epoch)).gen).toBe(gen);
    });

    it('refuses the append of an older leader, and of one that did not claim, and counts nothing of it', async () => {
      const old = await lead(stage.one, stage.nextTerm());
      const current = await lead(stage.two, stage.nextTerm());
      const drafts = [draft('FENCE', '1')];
      expect(await old.append(drafts)).toEqual({ ok: false, reason: 'epoch' });
      const next = { epoch: current.epoch + 1 };
      expect(await current.append(drafts, next)).toEqual({ ok: false, reason: 'epoch' });
      expect(await readOne(stage.three, 'FENCE', { after: [current.gen, 0] })).toEqual({
        gen: current.gen,
        quote: null,
        missed: [],
      });
      expect(await current.append(drafts)).toEqual(counted([1]));
    });

    it('refuses a leader whose shard was claimed away, also for symbols that the new one has not written', async () => {
      const old = await lead(stage.one, stage.nextTerm());
      await old.append([draft('AWAY-A', '1'), draft('AWAY-B', '1')]);
      const current = await lead(stage.two, stage.nextTerm());
      await current.append([draft('AWAY-A', '2')]);
      for (const symbol of ['AWAY-A', 'AWAY-B', 'AWAY-NEW']) {
        expect(await old.append([draft(symbol, '9')])).toEqual({ ok: false, reason: 'epoch' });
      }
      const stored = await stage.three.tickStore.read(
        ['AWAY-A', 'AWAY-B', 'AWAY-NEW'].map((symbol) => ({ symbol })),
      );
      expect(stored.map(({ quote }) => quote?.price ?? null)).toEqual(['2', '1', null]);
    });

    it('keeps the last quote digit for digit, with the whole day, for every node', async () => {
      const { gen, append } = await lead(stage.one, stage.nextTerm());
      const figures = { open: '0.10', high: '12345678901234567890.10', low: '0.000000010', volume: '0' };
      await append([draft('DIGITS', '99')]);
      await append([
        {
          tick: { symbol: 'DIGITS', price: '64250.10', size: '0.50', ts: 1_790_000_000_123 },
          day: { ...figures, prevClose: '1.0' },
        },
      ]);
      expect((await readOne(stage.two, 'DIGITS')).quote).toEqual({
        symbol: 'DIGITS',
        price: '64250.10',
        size: '0.50',
        gen,
        seq: 2,
        ts: 1_790_000_000_123,
        ...figures,
        prevClose: '1.0',
        stale: false,
      });
    });

    it('leaves out of a quote what its last tick did not state', async () => {
      const { append } = await lead(stage.one, stage.nextTerm());
      const first: TickDraft = draft('BARE', '5');
      await append([{ ...first, tick: { ...first.tick, size: '1' } }]);
      await append([draft('BARE', '6')]);
      const { quote } = await readOne(stage.two, 'BARE');
      expect(Object.keys(quote ?? {}).toSorted()).toEqual(
        ['gen', 'high', 'low', 'open', 'price', 'seq', 'stale', 'symbol', 'ts', 'volume'].toSorted(),
      );
    });

    it('answers a read in its order, also for what is not there and what is asked twice', async () => {
      const { append, gen } = await lead(stage.one, stage.nextTerm());
      await append([draft('READ-A', '1'), draft('READ-B', '2')]);
      const symbols = ['READ-B', 'READ-NONE', 'READ-A', 'READ-B'];
      const stored = await stage.two.tickStore.read(symbols.map((symbol) => ({ symbol })));
      expect(stored.map(({ quote }) => quote?.symbol ?? null)).toEqual(['READ-B', null, 'READ-A', 'READ-B']);
      expect(stored.map((each) => each.gen)).toEqual(symbols.map(() => gen));
      expect(await stage.two.tickStore.read([])).toEqual([]);
    });

    it('hands every quote and the last source numbers to whoever claims', async () => {
      const { append } = await lead(stage.one, stage.nextTerm());
      await append([draft('CLAIM-A', '1.50'), draft('CLAIM-B', '2', 7), draft('CLAIM-B', '3', 9)]);
      const { quotes, gen, sourceSeqs } = await claim(stage.two, stage.nextTerm());
      expect(quotes.find(({ symbol }) => symbol === 'CLAIM-A')).toMatchObject({
        price: '1.50',
        gen,
        seq: 1,
        stale: false,
      });
      expect(quotes.filter(({ symbol }) => symbol === 'CLAIM-B')).toHaveLength(1);
      expect([sourceSeqs.get('CLAIM-A'), sourceSeqs.get('CLAIM-B')]).toEqual([undefined, 9]);
    });

    it('takes the largest batch, in order, and none at all', async () => {
      const { append } = await lead(stage.one, stage.nextTerm());
      const drafts = Array.from({ length: maxAppendTicks }, (_, index) =>
        draft(index % 2 === 0 ? 'BATCH-A' : 'BATCH-B', String(index)),
      );
      expect(await append(drafts)).toEqual(counted(drafts.map((_, index) => Math.floor(index / 2) + 1)));
      const { quote } = await readOne(stage.two, 'BATCH-A');
      expect(quote).toMatchObject({ price: String(maxAppendTicks - 2), seq: maxAppendTicks / 2 });
      expect(await append([])).toEqual(counted([]));
    });
  });
}
