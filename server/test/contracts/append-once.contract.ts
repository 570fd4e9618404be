/** What keeps a tick from being counted twice: batch ids, `once`, and the numbers of the source. */
import { describe, expect, it } from 'vitest';
import { claim, type Stage } from './contract-stage.ts';
import { counted, draft, draftsOf, lead, missedSince, readOne, replayed } from './store-steps.ts';

export function describeAppendOnce(stage: Stage): void {
  describe('a batch', () => {
    it('that is sent again gets its seqs back and changes nothing, whatever comes with its id', async () => {
      const term = await lead(stage.one, stage.nextTerm());
      const batchId = 'again';
      const sent = [draft('AGAIN', '1'), draft('AGAIN', '2')];
      expect(await term.append(sent, { batchId })).toEqual(counted([1, 2]));
      expect(await term.append(sent, { batchId })).toEqual(replayed([1, 2]));
      expect(await term.append([draft('AGAIN', '9')], { batchId })).toEqual(replayed([1, 2]));
      expect(await missedSince(term, 'AGAIN', 0)).toEqual(['1', '2']);
    });

    it('that is sent again in the next epoch gets its seqs back once that leader has claimed', async () => {
      const term = await lead(stage.one, stage.nextTerm());
      const batch = { batchId: 'next-epoch', gen: term.gen };
      expect(await term.append(draftsOf('NEXT', 3), batch)).toEqual(counted([1, 2, 3]));
      const next = { ...batch, epoch: stage.nextTerm() };
      expect(await term.append(draftsOf('NEXT', 3), next)).toEqual({ ok: false, reason: 'epoch' });
      await claim(stage.two, next.epoch);
      expect(await stage.two.tickStore.append(0, { ...next, drafts: draftsOf('NEXT', 3) })).toEqual(
        replayed([1, 2, 3]),
      );
      expect(await term.append(draftsOf('NEXT', 3), batch)).toEqual({ ok: false, reason: 'epoch' });
      expect((await readOne(stage.three, 'NEXT')).quote?.seq).toBe(3);
    });

    it('that was not counted in one epoch is counted in the next', async () => {
      const old = await lead(stage.one, stage.nextTerm());
      const current = await lead(stage.two, stage.nextTerm());
      expect(await old.append([draft('LOST', '1')], { batchId: 'lost' })).toMatchObject({ ok: false });
      expect(await current.append([draft('LOST', '1')], { batchId: 'lost' })).toEqual(counted([1]));
    });

    it('that is not the last one is counted anew', async () => {
      const { append } = await lead(stage.one, stage.nextTerm());
      await append([draft('ANEW', '1')], { batchId: 'first' });
      await append([draft('ANEW', '2')], { batchId: 'second' });
      expect(await append([draft('ANEW', '1')], { batchId: 'first' })).toEqual(counted([3]));
    });

    it('without ticks is remembered too', async () => {
      const { append } = await lead(stage.one, stage.nextTerm());
      expect(await append([], { batchId: 'empty' })).toEqual(counted([]));
      expect(await append([], { batchId: 'empty' })).toEqual(replayed([]));
    });
  });

  describe('once', () => {
    it('counts an append with the same id a single time, however late, also for the next leader', async () => {
      const first = await lead(stage.one, stage.nextTerm());
      const once = { id: 'push-1', hash: 'h1' };
      const sent = draftsOf('ONCE', 2);
      expect(await first.append(sent, { once })).toEqual(counted([1, 2]));
      await first.append([draft('ONCE-OTHER', '1')]);
      expect(await first.append(sent, { once })).toEqual(replayed([1, 2]));
      const second = await lead(stage.two, stage.nextTerm());
      expect(await second.append(sent, { once })).toEqual(replayed([1, 2]));
      expect(await second.append([draft('ONCE', '3')])).toEqual(counted([3]));
    });

    it('refuses an id that comes with another hash, and counts nothing of it', async () => {
      const { append } = await lead(stage.one, stage.nextTerm());
      await append([draft('CONFLICT', '1')], { once: { id: 'push-2', hash: 'h1' } });
      expect(await append([draft('CONFLICT', '2')], { once: { id: 'push-2', hash: 'h2' } })).toEqual({
        ok: false,
        reason: 'once',
      });
      expect((await readOne(stage.two, 'CONFLICT')).quote).toMatchObject({ price: '1', seq: 1 });
    });

    it('forgets the id of an append that was refused', async () => {
      const old = await lead(stage.one, stage.nextTerm());
      const current = await lead(stage.two, stage.nextTerm());
      const once = { id: 'push-3', hash: 'h1' };
      expect(await old.append([draft('LATER', '1')], { once })).toMatchObject({ ok: false });
      expect(await current.append([draft('LATER', '1')], { once })).toEqual(counted([1]));
    });

    it('gives the same answer as the first time where a tick was dropped', async () => {
      const { append } = await lead(stage.one, stage.nextTerm());
      const once = { id: 'push-4', hash: 'h1' };
      const sent = [draft('ONCE-SOURCE', '1', 5), draft('ONCE-SOURCE', '2', 5)];
      expect(await append(sent, { once })).toEqual(counted([1, null]));
      expect(await append(sent, { once })).toEqual(replayed([1, null]));
    });
  });

  describe('the number of the source', () => {
    it('drops a tick that is not newer than the last taken of its symbol, within a batch too', async () => {
      const term = await lead(stage.one, stage.nextTerm());
      const sent = [5, 5, 4, 6].map((number, index) => draft('SOURCE', String(index), number));
      expect(await term.append([...sent, draft('SOURCE-B', '1', 1)])).toEqual(counted([1, null, null, 2, 1]));
      expect(await term.append([draft('SOURCE', '9', 6)])).toEqual(counted([null]));
      expect((await readOne(stage.two, 'SOURCE')).quote).toMatchObject({ price: '3', seq: 2 });
      expect(await missedSince(term, 'SOURCE', 0)).toEqual(['0', '3']);
    });

    it('compares as numbers, up to the largest exact one', async () => {
      const { append } = await lead(stage.one, stage.nextTerm());
      const numbers = [9, 10, 100, 99, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER];
      const sent = numbers.map((number) => draft('NUMBERS', '1', number));
      expect(await append(sent)).toEqual(counted([1, 2, 3, null, 4, 5]));
    });

    it('is kept through ticks that have none, and for the next leader', async () => {
      const first = await lead(stage.one, stage.nextTerm());
      await first.append([draft('MIXED', '1', 3), draft('MIXED', '2')]);
      const second = await lead(stage.two, stage.nextTerm());
      expect(await second.append([draft('MIXED', '3', 3), draft('MIXED', '4', 4)])).toEqual(
        counted([null, 3]),
      );
    });
  });
}
