/** The ordered log: one writer, one order, one delivery per batch, and what a replica needs to begin. */
import { describe, expect, it, vi } from 'vitest';
import { maxReadBatches, type StoredPush } from '../../src/log/contract.ts';
import { arrival, type Stage } from './contract-stage.ts';
import { leadLog, receivedBatches } from './log-steps.ts';

export function describeLog(stage: Stage): void {
  const lead = (node = stage.one) => leadLog(node, stage.nextTerm());
  const quoteOf = async (symbol: string) =>
    (await stage.three.tickLog.readState())?.quotes.find(({ quote }) => quote.symbol === symbol);

  describe('log', () => {
    it('sends each batch to every node, once and in order, with the ticks as the leader wrote them', async () => {
      const term = await lead();
      const from = term.number() + 1;
      for (let count = 1; count <= 20; count++)
        await term.append({
          prices: [
            ['LOG-A', `${count}.10`],
            ['LOG-B', '2'],
            ['LOG-A', `${count}.20`],
          ],
        });
      for (const node of stage.nodes) {
        await vi.waitFor(
          async () => expect(await receivedBatches(node, { gen: term.gen, from })).toHaveLength(20),
          arrival,
        );
        const batches = await receivedBatches(node, { gen: term.gen, from });
        expect(batches.map(({ number }) => number)).toEqual(batches.map((_, index) => from + index));
        expect(batches.flatMap(({ ticks }) => ticks)).toEqual(term.ticks);
      }
    });

    it('gives a claim the generation and the last number, and refuses the claim of an older leader', async () => {
      const first = await lead();
      await first.append({ prices: [['CLAIM', '1']] });
      const epoch = stage.nextTerm();
      expect(await stage.two.tickLog.claim(epoch)).toEqual({
        ok: true,
        gen: first.gen,
        number: first.number(),
      });
      expect(await stage.one.tickLog.claim(first.epoch)).toEqual({ ok: false, reason: 'epoch' });
      expect(await stage.one.tickLog.claim(epoch)).toEqual({ ok: false, reason: 'epoch' });
      expect(await stage.two.tickLog.claim(epoch)).toMatchObject({ ok: true });
    });

    it('refuses another epoch, another generation and a number that does not follow, and stores nothing of it', async () => {
      const old = await lead();
      await old.append({ prices: [['FENCE', '1']] });
      const term = await lead(stage.two);
      const prices = [['FENCE', '2'] as const];
      expect(await old.append({ prices })).toEqual({ ok: false, reason: 'epoch' });
      for (const epoch of [term.epoch + 1, term.epoch - 1])
        expect(await term.append({ prices, more: { epoch } })).toEqual({ ok: false, reason: 'epoch' });
      expect(await term.append({ prices, more: { gen: 'AAAAAA' } })).toEqual({
        ok: false,
        reason: 'generation',
      });
      for (const number of [term.number() + 2, term.number() - 1])
        expect(await term.append({ prices, more: { number } })).toEqual({ ok: false, reason: 'number' });
      expect(await stage.three.tickLog.readAfter(term.gen, term.number())).toEqual([]);
      expect((await quoteOf('FENCE'))?.quote).toMatchObject({ price: '1', seq: 1 });
      expect(await term.append({ prices })).toEqual({ ok: true });
    });

    it('takes a batch that comes again under its number, stores it once and sends it once', async () => {
      const term = await lead();
      const from = term.number() + 1;
      const batch = { prices: [['AGAIN', '1'] as const] };
      expect(await term.append(batch)).toEqual({ ok: true });
      expect(await term.append({ ...batch, more: { number: from } })).toEqual({ ok: true });
      await term.append({ prices: [['AGAIN', '2']] });
      const stored = await stage.two.tickLog.readAfter(term.gen, from - 1);
      expect(stored?.map(({ ticks }) => ticks[0]?.price)).toEqual(['1', '2']);
      await vi.waitFor(
        async () => expect(await receivedBatches(stage.two, { gen: term.gen, from })).toEqual(stored),
        arrival,
      );
    });

    it('keeps the last quote of each symbol digit for digit, with the last number of its source', async () => {
      const term = await lead();
      await term.append({ prices: [['DIGITS', '64250.10']], sourceSeqs: [7] });
      await term.append({
        prices: [
          ['DIGITS', '12345678901234567890.10'],
          ['DIGITS', '0.000000010'],
        ],
        sourceSeqs: [8, 9],
      });
      expect(await quoteOf('DIGITS')).toEqual({
        quote: {
          symbol: 'DIGITS',
          price: '0.000000010',
          gen: term.gen,
          seq: 3,
          ts: 1_790_000_000_000,
          stale: false,
          open: '64250.10',
          high: '12345678901234567890.10',
          low: '0.000000010',
          volume: '0',
        },
        sourceSeq: 9,
      });
    });

    it('reads the batches after a number in their order, in parts, and says when there are none', async () => {
      const term = await lead();
      const from = term.number();
      for (let count = 1; count <= maxReadBatches + 3; count++)
        await term.append({ prices: [['PARTS', `${count}`]] });
      const first = await stage.two.tickLog.readAfter(term.gen, from);
      expect(first?.map(({ number }) => number)).toEqual(
        Array.from({ length: maxReadBatches }, (_, index) => from + 1 + index),
      );
      const second = await stage.three.tickLog.readAfter(term.gen, from + maxReadBatches);
      expect(second?.flatMap(({ ticks }) => ticks.map(({ price }) => price))).toEqual(['101', '102', '103']);
      expect(await stage.two.tickLog.readAfter(term.gen, term.number())).toEqual([]);
      expect(await stage.two.tickLog.readAfter('AAAAAA', term.number())).toBeNull();
    });

    it('knows a push under its id, gives its first answer, and stores nothing else of that batch', async () => {
      const term = await lead();
      const push = (id: string, answer: string, hash = 'hash'): StoredPush => ({
        id: `${id}@${term.epoch}`,
        hash,
        answer,
      });
      const first = push('a', '[["PUSHED",1]]');
      await term.append({ prices: [['PUSHED', '1']], more: { pushes: [first] } });
      const next = await lead(stage.two);
      const batch = { prices: [['PUSHED', '2'] as const] };
      const again = push('a', 'another answer', 'another hash');
      const fresh = push('b', '[["PUSHED",2]]');
      expect(await next.append({ ...batch, more: { pushes: [fresh, again] } })).toEqual({
        ok: false,
        reason: 'pushes',
        known: [first],
      });
      expect((await quoteOf('PUSHED'))?.quote.price).toBe('1');
      expect(await next.append({ ...batch, more: { pushes: [fresh] } })).toEqual({ ok: true });
      expect((await quoteOf('PUSHED'))?.quote.price).toBe('2');
    });

    it('keeps notes from leader to leader, and changes only those that a batch names', async () => {
      const list = { version: 3, feeds: [['NOTED', 'push'] as const, ['GONE', null] as const] };
      await (await lead()).append({ more: { notes: { list: { ...list, feeds: [...list.feeds] } } } });
      const pause = { version: 1, isPaused: true };
      await (await lead(stage.two)).append({ more: { notes: { pause } } });
      expect((await stage.three.tickLog.readState())?.notes).toMatchObject({ list, pause });
      const startList = { simulator: ['A', 'B'], push: [] };
      await (await lead()).append({ more: { notes: { pause: { version: 2, isPaused: false }, startList } } });
      expect((await stage.three.tickLog.readState())?.notes).toEqual({
        list,
        pause: { version: 2, isPaused: false },
        startList,
      });
    });

    it('keeps nothing of a forgotten symbol but the seq behind which all symbols go on', async () => {
      const term = await lead();
      await term.append({
        prices: [
          ['FORGET', '1'],
          ['FORGET', '2'],
          ['STAYS', '1'],
        ],
      });
      const floor = 2;
      await term.append({
        records: [
          { kind: 'list', version: 1, set: [['OTHER', null]], unset: ['FORGET'], forgotten: ['FORGET'] },
        ],
        more: { forgotten: { symbols: ['FORGET'], floor } },
      });
      const state = await stage.two.tickLog.readState();
      expect(state?.floor).toBe(floor);
      expect(state?.quotes.map(({ quote }) => quote.symbol)).not.toContain('FORGET');
      expect((await quoteOf('STAYS'))?.quote.seq).toBe(1);
    });
  });
}

/** On a log whose window holds few batches: `maxWindowBytes` of 2,000. */
export function describeSmallLog(stage: Stage): void {
  it('drops the oldest batches, and says that they are gone', async () => {
    const term = await leadLog(stage.one, stage.nextTerm());
    const from = term.number();
    for (let count = 1; count <= 30; count++)
      await term.append({ prices: [['OLD', `${count}`]], more: { oldest: Math.max(1, from + count - 5) } });
    const { oldest = 0, number } = (await stage.two.tickLog.readState()) ?? {};
    expect(number).toBe(from + 30);
    expect(oldest).toBeGreaterThan(from + 15);
    expect(await stage.two.tickLog.readAfter(term.gen, oldest - 2)).toBeNull();
    const kept = await stage.two.tickLog.readAfter(term.gen, oldest - 1);
    expect(kept?.map((batch) => batch.number)).toEqual(
      Array.from({ length: from + 31 - oldest }, (_, index) => oldest + index),
    );
  });
}
