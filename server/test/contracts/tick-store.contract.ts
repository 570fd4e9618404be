/** The tick store: generation, seq, refusals, quotes, and appends that happen once. */
import { describe, expect, it } from 'vitest';
import { type Append, maxAppendTicks, type TickDraft } from '../../src/backplane/contract.ts';
import type { BackplaneDriver } from './backplane-driver.ts';
import { claim, type Stage } from './contract-stage.ts';

export function describeTickStore(stage: Stage): void {
  describe('tick store', () => {
    it('keeps one generation for all nodes and leaders', async () => {
      const first = await lead(stage, stage.one);
      const second = await lead(stage, stage.two);
      expect(second.gen).toBe(first.gen);
      expect((await stage.three.tickStore.quotes([])).gen).toBe(first.gen);
    });

    it('gives each symbol seq 1 and then always the next, across appends, nodes and leaders', async () => {
      const first = await lead(stage, stage.one);
      expect(await first.append([draft('SEQ-A', '1'), draft('SEQ-B', '1'), draft('SEQ-A', '2')])).toEqual({
        ok: true,
        seqs: [1, 1, 2],
        replayed: false,
      });
      const second = await lead(stage, stage.two);
      expect(await second.append([draft('SEQ-B', '2'), draft('SEQ-A', '3')])).toEqual({
        ok: true,
        seqs: [2, 3],
        replayed: false,
      });
    });

    it('refuses the claim of an older leader, and takes the same one again', async () => {
      const { epoch, gen } = await lead(stage, stage.one);
      expect(await stage.two.tickStore.claim(epoch - 1)).toEqual({ ok: false, reason: 'epoch' });
      expect((await claim(stage.one, epoch)).gen).toBe(gen);
    });

    it('refuses the append of an older leader, and of one that did not claim, and counts nothing of it', async () => {
      const old = await lead(stage, stage.one);
      const current = await lead(stage, stage.two);
      const drafts = [draft('FENCE', '1')];
      expect(await old.append(drafts)).toEqual({ ok: false, reason: 'epoch' });
      expect(
        await stage.two.tickStore.append({ gen: current.gen, epoch: current.epoch + 1, drafts }),
      ).toEqual({
        ok: false,
        reason: 'epoch',
      });
      expect((await stage.three.tickStore.quotes(['FENCE'])).quotes).toEqual([]);
      expect(await current.append(drafts)).toMatchObject({ ok: true, seqs: [1] });
    });

    it('refuses an append for another generation', async () => {
      const { epoch, gen } = await lead(stage, stage.one);
      const other = gen === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA';
      expect(await stage.one.tickStore.append({ gen: other, epoch, drafts: [draft('GEN', '1')] })).toEqual({
        ok: false,
        reason: 'generation',
      });
      expect((await stage.two.tickStore.quotes(['GEN'])).quotes).toEqual([]);
    });

    it('keeps the last quote digit for digit, with the whole day, for every node', async () => {
      const { gen, append } = await lead(stage, stage.one);
      const figures = { open: '0.10', high: '12345678901234567890.10', low: '0.000000010', volume: '0' };
      await append([draft('DIGITS', '99')]);
      await append([
        {
          tick: { symbol: 'DIGITS', price: '64250.10', size: '0.50', ts: 1_790_000_000_123 },
          day: { ...figures, prevClose: '1.0' },
        },
      ]);
      expect(await stage.two.tickStore.quotes(['DIGITS'])).toEqual({
        gen,
        quotes: [
          {
            symbol: 'DIGITS',
            price: '64250.10',
            size: '0.50',
            gen,
            seq: 2,
            ts: 1_790_000_000_123,
            ...figures,
            prevClose: '1.0',
            stale: false,
          },
        ],
      });
    });

    it('leaves out of a quote what its last tick did not state', async () => {
      const { append } = await lead(stage, stage.one);
      await append([{ ...draft('BARE', '5'), tick: { symbol: 'BARE', price: '5', size: '1', ts: 1 } }]);
      await append([draft('BARE', '6')]);
      const { quotes } = await stage.two.tickStore.quotes(['BARE']);
      expect(quotes).toHaveLength(1);
      expect(Object.keys(quotes[0] ?? {})).not.toContain('size');
      expect(Object.keys(quotes[0] ?? {})).not.toContain('prevClose');
    });

    it('reads those symbols that have a quote and leaves out the others', async () => {
      const { append } = await lead(stage, stage.one);
      await append([draft('READ-A', '1'), draft('READ-B', '2')]);
      const { quotes } = await stage.two.tickStore.quotes(['READ-B', 'READ-NONE', 'READ-A']);
      expect(quotes.map(({ symbol }) => symbol).toSorted()).toEqual(['READ-A', 'READ-B']);
      expect((await stage.two.tickStore.quotes([])).quotes).toEqual([]);
    });

    it('hands every quote of the generation to whoever claims', async () => {
      const { append } = await lead(stage, stage.one);
      await append([draft('CLAIM-A', '1.50'), draft('CLAIM-B', '2')]);
      const { quotes, gen } = await claim(stage.two, stage.nextTerm());
      expect(quotes.find(({ symbol }) => symbol === 'CLAIM-A')).toMatchObject({
        price: '1.50',
        gen,
        seq: 1,
        stale: false,
      });
      expect(quotes.filter(({ symbol }) => symbol === 'CLAIM-B')).toHaveLength(1);
    });

    it('takes the largest batch, in order, and none at all', async () => {
      const { append } = await lead(stage, stage.one);
      const drafts = Array.from({ length: maxAppendTicks }, (_, index) =>
        draft(index % 2 === 0 ? 'BATCH-A' : 'BATCH-B', String(index)),
      );
      expect(await append(drafts)).toEqual({
        ok: true,
        seqs: drafts.map((_, index) => Math.floor(index / 2) + 1),
        replayed: false,
      });
      const { quotes } = await stage.two.tickStore.quotes(['BATCH-A']);
      expect(quotes[0]).toMatchObject({ price: String(maxAppendTicks - 2), seq: maxAppendTicks / 2 });
      expect(await append([])).toEqual({ ok: true, seqs: [], replayed: false });
    });

    it('counts an append with the same once id a single time, also for the next leader', async () => {
      const first = await lead(stage, stage.one);
      const once = { id: 'push-1', hash: 'h1' };
      const drafts = [draft('ONCE', '1'), draft('ONCE', '2')];
      expect(await first.append(drafts, { once })).toEqual({ ok: true, seqs: [1, 2], replayed: false });
      expect(await first.append(drafts, { once })).toEqual({ ok: true, seqs: [1, 2], replayed: true });
      const second = await lead(stage, stage.two);
      expect(await second.append(drafts, { once })).toEqual({ ok: true, seqs: [1, 2], replayed: true });
      expect(await second.append([draft('ONCE', '3')])).toMatchObject({ seqs: [3] });
    });

    it('refuses a once id that comes with another hash, and counts nothing of it', async () => {
      const { append } = await lead(stage, stage.one);
      await append([draft('CONFLICT', '1')], { once: { id: 'push-2', hash: 'h1' } });
      expect(await append([draft('CONFLICT', '2')], { once: { id: 'push-2', hash: 'h2' } })).toEqual({
        ok: false,
        reason: 'once',
      });
      expect((await stage.two.tickStore.quotes(['CONFLICT'])).quotes[0]).toMatchObject({
        price: '1',
        seq: 1,
      });
    });

    it('forgets a once id of an append that was refused', async () => {
      const old = await lead(stage, stage.one);
      const current = await lead(stage, stage.two);
      const once = { id: 'push-3', hash: 'h1' };
      expect(await old.append([draft('LATER', '1')], { once })).toMatchObject({ ok: false });
      expect(await current.append([draft('LATER', '1')], { once })).toEqual({
        ok: true,
        seqs: [1],
        replayed: false,
      });
    });
  });
}

/** Claims the store for a new term and appends for it. */
async function lead(stage: Stage, node: BackplaneDriver) {
  const epoch = stage.nextTerm();
  const { gen } = await claim(node, epoch);
  const append = (drafts: TickDraft[], more: Partial<Append> = {}) =>
    node.tickStore.append({ gen, epoch, drafts, ...more });
  return { epoch, gen, append };
}

/** A tick of that price on a day that saw no other. */
export function draft(symbol: string, price: string): TickDraft {
  return { tick: { symbol, price, ts: 1 }, day: { open: price, high: price, low: price, volume: '0' } };
}
