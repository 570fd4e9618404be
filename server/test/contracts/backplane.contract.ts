/**
 * What every home of the backplane must do, driven through `BackplaneDriver`. Most tests share one home of three
 * nodes, as replicas do: each uses symbols, rooms and epochs of its own and takes the lease from where it finds it.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Announcement, Append, LeaseRecord, TickDraft } from '../../src/backplane/contract.ts';
import { maxAppendTicks } from '../../src/backplane/contract.ts';
import type { BackplaneDriver, Home, OpenHome } from './backplane-driver.ts';

/** How long a message may take to reach another node. */
const arrival = { timeout: 3_000, interval: 10 };

/** Runs the suite on homes that `open` makes; `name` is the home's, for the report. */
export function describeBackplane(name: string, open: OpenHome): void {
  describe(`the ${name} backplane`, () => {
    let home: Home;
    let one: BackplaneDriver;
    let two: BackplaneDriver;
    let three: BackplaneDriver;
    /** A term that is newer than every earlier one of this home. */
    let term = 1_000;

    beforeAll(async () => {
      home = await open(3);
      one = nodeOf(home, 0);
      two = nodeOf(home, 1);
      three = nodeOf(home, 2);
    });
    afterAll(() => home.stop());

    /** Claims the store for a new term and appends for it. */
    async function lead(node: BackplaneDriver) {
      const epoch = ++term;
      const { gen } = await claim(node, epoch);
      const append = (drafts: TickDraft[], more: Partial<Append> = {}) =>
        node.tickStore.append({ gen, epoch, drafts, ...more });
      return { epoch, gen, append };
    }

    describe('an empty home', () => {
      let empty: Home;
      beforeAll(async () => {
        empty = await open(1);
      });
      afterAll(() => empty.stop());

      it('has a lease that nobody holds, an empty store, and makes its generation with the first claim', async () => {
        const node = nodeOf(empty, 0);
        expect(await node.lease.read()).toMatchObject({ holder: null, epoch: 0 });
        expect(await node.tickStore.quotes(['A'])).toEqual({ gen: null, quotes: [] });
        expect(await node.tickStore.append({ gen: 'AAAAAA', epoch: 1, drafts: [draft('A', '1')] })).toEqual({
          ok: false,
          reason: 'generation',
        });
        const first = await claim(node, 1);
        expect(first.gen).toMatch(/^[A-Za-z0-9]{6}$/);
        expect(first.quotes).toEqual([]);
        expect((await claim(node, 2)).gen).toBe(first.gen);
        expect(await node.tickStore.quotes(['A'])).toEqual({ gen: first.gen, quotes: [] });
      });

      it('takes the first lease with epoch 1', async () => {
        const node = nodeOf(empty, 0);
        // The store was claimed for epoch 2 above, which a home may count: the term is then newer than that one.
        expect((await takeLease(node)).epoch).toBeGreaterThanOrEqual(1);
      });
    });

    describe('lease', () => {
      it('is taken with the next epoch, and every node reads the same record', async () => {
        const before = await one.lease.read();
        const record = await one.lease.take(before);
        expect(record).toMatchObject({ holder: one.node });
        expect(record?.epoch).toBeGreaterThan(before.epoch);
        expect(await two.lease.read()).toEqual(record);
        const next = await two.lease.take(await two.lease.read());
        expect(next).toMatchObject({ holder: two.node, epoch: (record?.epoch ?? 0) + 1 });
      });

      it('is not taken when the record is no longer what was seen', async () => {
        const seen = await one.lease.read();
        const taken = await two.lease.take(seen);
        expect(await one.lease.take(seen)).toBeNull();
        expect(await three.lease.read()).toEqual(taken);
      });

      it('is not taken on what was seen before a beat', async () => {
        const { epoch } = await takeLease(one);
        const seen = await two.lease.read();
        expect(await one.lease.beat(epoch)).toBe(true);
        expect(await two.lease.take(seen)).toBeNull();
      });

      it('is given to exactly one of those who take at the same time', async () => {
        const seen = await one.lease.read();
        const taken = await Promise.all(home.nodes.map((node) => node.lease.take(seen)));
        expect(taken.filter((record) => record !== null)).toHaveLength(1);
      });

      it('shows a new beat after each renewal and nothing else', async () => {
        const record = await takeLease(one);
        expect(await one.lease.beat(record.epoch)).toBe(true);
        const renewed = await two.lease.read();
        expect(renewed).toMatchObject({ holder: one.node, epoch: record.epoch });
        expect(renewed.beat).not.toBe(record.beat);
      });

      it('is not renewed by a node that lost it, in no epoch but the current one', async () => {
        const lost = await takeLease(one);
        const held = await takeLease(two);
        expect(await one.lease.beat(lost.epoch)).toBe(false);
        expect(await one.lease.beat(held.epoch)).toBe(false);
        expect(await two.lease.beat(lost.epoch)).toBe(false);
        expect(await two.lease.beat(held.epoch)).toBe(true);
      });

      it('is cleared by a release, which every node hears, and the epoch goes on from there', async () => {
        const { epoch } = await takeLease(one);
        const heard = await Promise.all(home.nodes.map((node) => node.releases()));
        await one.lease.release(epoch);
        expect(await two.lease.read()).toMatchObject({ holder: null, epoch });
        expect(await one.lease.beat(epoch)).toBe(false);
        await vi.waitFor(async () => {
          expect(await Promise.all(home.nodes.map((node) => node.releases()))).toEqual(
            heard.map((count) => count + 1),
          );
        }, arrival);
        expect(await takeLease(three)).toMatchObject({ holder: three.node, epoch: epoch + 1 });
      });

      it('is not released by a node that lost it', async () => {
        const lost = await takeLease(one);
        const held = await takeLease(two);
        await one.lease.release(lost.epoch);
        await one.lease.release(held.epoch);
        expect(await three.lease.read()).toEqual(held);
      });
    });

    describe('tick store', () => {
      it('keeps one generation for all nodes and leaders', async () => {
        const first = await lead(one);
        const second = await lead(two);
        expect(second.gen).toBe(first.gen);
        expect((await three.tickStore.quotes([])).gen).toBe(first.gen);
      });

      it('gives each symbol seq 1 and then always the next, across appends, nodes and leaders', async () => {
        const first = await lead(one);
        expect(await first.append([draft('SEQ-A', '1'), draft('SEQ-B', '1'), draft('SEQ-A', '2')])).toEqual({
          ok: true,
          seqs: [1, 1, 2],
          replayed: false,
        });
        const second = await lead(two);
        expect(await second.append([draft('SEQ-B', '2'), draft('SEQ-A', '3')])).toEqual({
          ok: true,
          seqs: [2, 3],
          replayed: false,
        });
      });

      it('refuses the claim of an older leader, and takes the same one again', async () => {
        const { epoch, gen } = await lead(one);
        expect(await two.tickStore.claim(epoch - 1)).toEqual({ ok: false, reason: 'epoch' });
        expect((await claim(one, epoch)).gen).toBe(gen);
      });

      it('refuses the append of an older leader, and of one that did not claim, and counts nothing of it', async () => {
        const old = await lead(one);
        const current = await lead(two);
        const drafts = [draft('FENCE', '1')];
        expect(await old.append(drafts)).toEqual({ ok: false, reason: 'epoch' });
        expect(await two.tickStore.append({ gen: current.gen, epoch: current.epoch + 1, drafts })).toEqual({
          ok: false,
          reason: 'epoch',
        });
        expect((await three.tickStore.quotes(['FENCE'])).quotes).toEqual([]);
        expect(await current.append(drafts)).toMatchObject({ ok: true, seqs: [1] });
      });

      it('refuses an append for another generation', async () => {
        const { epoch, gen } = await lead(one);
        const other = gen === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA';
        expect(await one.tickStore.append({ gen: other, epoch, drafts: [draft('GEN', '1')] })).toEqual({
          ok: false,
          reason: 'generation',
        });
        expect((await two.tickStore.quotes(['GEN'])).quotes).toEqual([]);
      });

      it('keeps the last quote digit for digit, with the whole day, for every node', async () => {
        const { gen, append } = await lead(one);
        const figures = { open: '0.10', high: '12345678901234567890.10', low: '0.000000010', volume: '0' };
        await append([draft('DIGITS', '99')]);
        await append([
          {
            tick: { symbol: 'DIGITS', price: '64250.10', size: '0.50', ts: 1_790_000_000_123 },
            day: { ...figures, prevClose: '1.0' },
          },
        ]);
        expect(await two.tickStore.quotes(['DIGITS'])).toEqual({
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
        const { append } = await lead(one);
        await append([{ ...draft('BARE', '5'), tick: { symbol: 'BARE', price: '5', size: '1', ts: 1 } }]);
        await append([draft('BARE', '6')]);
        const { quotes } = await two.tickStore.quotes(['BARE']);
        expect(quotes).toHaveLength(1);
        expect(Object.keys(quotes[0] ?? {})).not.toContain('size');
        expect(Object.keys(quotes[0] ?? {})).not.toContain('prevClose');
      });

      it('reads those symbols that have a quote and leaves out the others', async () => {
        const { append } = await lead(one);
        await append([draft('READ-A', '1'), draft('READ-B', '2')]);
        const { quotes } = await two.tickStore.quotes(['READ-B', 'READ-NONE', 'READ-A']);
        expect(quotes.map(({ symbol }) => symbol).toSorted()).toEqual(['READ-A', 'READ-B']);
        expect((await two.tickStore.quotes([])).quotes).toEqual([]);
      });

      it('hands every quote of the generation to whoever claims', async () => {
        const { append } = await lead(one);
        await append([draft('CLAIM-A', '1.50'), draft('CLAIM-B', '2')]);
        const { quotes, gen } = await claim(two, ++term);
        expect(quotes.find(({ symbol }) => symbol === 'CLAIM-A')).toMatchObject({
          price: '1.50',
          gen,
          seq: 1,
          stale: false,
        });
        expect(quotes.filter(({ symbol }) => symbol === 'CLAIM-B')).toHaveLength(1);
      });

      it('takes the largest batch, in order, and none at all', async () => {
        const { append } = await lead(one);
        const drafts = Array.from({ length: maxAppendTicks }, (_, index) =>
          draft(index % 2 === 0 ? 'BATCH-A' : 'BATCH-B', String(index)),
        );
        expect(await append(drafts)).toEqual({
          ok: true,
          seqs: drafts.map((_, index) => Math.floor(index / 2) + 1),
          replayed: false,
        });
        const { quotes } = await two.tickStore.quotes(['BATCH-A']);
        expect(quotes[0]).toMatchObject({ price: String(maxAppendTicks - 2), seq: maxAppendTicks / 2 });
        expect(await append([])).toEqual({ ok: true, seqs: [], replayed: false });
      });

      it('counts an append with the same once id a single time, also for the next leader', async () => {
        const first = await lead(one);
        const once = { id: 'push-1', hash: 'h1' };
        const drafts = [draft('ONCE', '1'), draft('ONCE', '2')];
        expect(await first.append(drafts, { once })).toEqual({ ok: true, seqs: [1, 2], replayed: false });
        expect(await first.append(drafts, { once })).toEqual({ ok: true, seqs: [1, 2], replayed: true });
        const second = await lead(two);
        expect(await second.append(drafts, { once })).toEqual({ ok: true, seqs: [1, 2], replayed: true });
        expect(await second.append([draft('ONCE', '3')])).toMatchObject({ seqs: [3] });
      });

      it('refuses a once id that comes with another hash, and counts nothing of it', async () => {
        const { append } = await lead(one);
        await append([draft('CONFLICT', '1')], { once: { id: 'push-2', hash: 'h1' } });
        expect(await append([draft('CONFLICT', '2')], { once: { id: 'push-2', hash: 'h2' } })).toEqual({
          ok: false,
          reason: 'once',
        });
        expect((await two.tickStore.quotes(['CONFLICT'])).quotes[0]).toMatchObject({ price: '1', seq: 1 });
      });

      it('forgets a once id of an append that was refused', async () => {
        const old = await lead(one);
        const current = await lead(two);
        const once = { id: 'push-3', hash: 'h1' };
        expect(await old.append([draft('LATER', '1')], { once })).toMatchObject({ ok: false });
        expect(await current.append([draft('LATER', '1')], { once })).toEqual({
          ok: true,
          seqs: [1],
          replayed: false,
        });
      });
    });

    describe('leader line', () => {
      it('carries a request to the leader and its answer back, from another node and from itself', async () => {
        const epoch = await serve(two, ++term);
        const request = { ticks: [{ symbol: 'A', price: '1.0' }], nothing: null };
        for (const node of home.nodes) {
          expect(await node.call(epoch, request)).toEqual({ ok: true, answer: { by: two.node, request } });
        }
      });

      it('answers each of many calls at once with its own answer', async () => {
        const epoch = await serve(one, ++term);
        const calls = Array.from({ length: 100 }, (_, index) => nodeOf(home, index % 3).call(epoch, index));
        const answers = await Promise.all(calls);
        expect(answers).toEqual(
          answers.map((_, index) => ({ ok: true, answer: { by: one.node, request: index } })),
        );
      });

      it('brings an error of the leader back by name and text', async () => {
        const epoch = await serve(two, ++term);
        expect(await one.call(epoch, { fail: 'no such symbol' })).toEqual({
          ok: false,
          name: 'Error',
          message: 'no such symbol',
        });
      });

      it('says NoLeader within half a second where nobody serves the epoch, or no longer does', async () => {
        const before = performance.now();
        expect(await one.call(++term, 'anyone?')).toMatchObject({ ok: false, name: 'NoLeader' });
        expect(performance.now() - before).toBeLessThan(500);
        const epoch = await serve(two, ++term);
        await two.stopServing(epoch);
        await vi.waitFor(async () => {
          expect(await one.call(epoch, 'still there?')).toMatchObject({ ok: false, name: 'NoLeader' });
        }, arrival);
      });
    });

    describe('announcements', () => {
      it('reach every node, the sender included, in the order they were sent', async () => {
        const sent = [1, 2, 3].map((epoch) => announcement('ordered', epoch));
        for (const each of sent) await one.announce(each);
        for (const node of home.nodes) {
          await vi.waitFor(async () => expect(await announcementsOf(node, 'ordered')).toEqual(sent), arrival);
        }
      });

      it('come after the room emits that were made before them', async () => {
        for (const node of [two, three]) await node.joinRoom('race');
        const rounds = Array.from({ length: 50 }, (_, index) => index);
        for (const round of rounds) await one.emitThenAnnounce('race', round, announcement('race', round));
        const wanted = rounds.flatMap((round) => [`emit ${round}`, `announcement ${round}`]);
        for (const node of [two, three]) {
          await vi.waitFor(async () => {
            const seen = (await node.received()).flatMap((each) => {
              if (each.kind === 'emit') return each.room === 'race' ? [`emit ${String(each.payload)}`] : [];
              const { gen, epoch } = each.announcement;
              return gen === 'race' ? [`announcement ${epoch}`] : [];
            });
            expect(seen).toEqual(wanted);
          }, arrival);
        }
      });
    });

    describe('adapter', () => {
      it('is the class that the mixin made', async () => {
        for (const node of home.nodes) expect(await node.wrapped()).toBe(true);
      });

      it('brings a room emit to the members on every node, once and in order, and to nobody else', async () => {
        await one.joinRoom('tick:BTC-USD');
        await two.joinRoom('tick:BTC-USD');
        await three.joinRoom('tick:ETH-USD');
        const payloads = [{ price: '1.10' }, { price: '1.20' }, { price: '1.30' }];
        for (const payload of payloads) await two.emitToRoom('tick:BTC-USD', payload);
        await two.emitToRoom('tick:ETH-USD', 'fence');
        await vi.waitFor(
          async () => expect(await emitsOf(three, 'tick:ETH-USD')).toEqual(['fence']),
          arrival,
        );
        await vi.waitFor(async () => expect(await emitsOf(one, 'tick:BTC-USD')).toEqual(payloads), arrival);
        expect(await emitsOf(two, 'tick:BTC-USD')).toEqual(payloads);
        expect(await emitsOf(three, 'tick:BTC-USD')).toEqual([]);
      });
    });

    describe('closing', () => {
      it('ends one node, twice without harm, and leaves the others at work', async () => {
        const pair = await open(2);
        try {
          const leaving = nodeOf(pair, 0);
          const staying = nodeOf(pair, 1);
          await leaving.close();
          await leaving.close();
          expect(await takeLease(staying)).toMatchObject({ holder: staying.node });
          expect((await staying.state()).at).toBe('up');
        } finally {
          await pair.stop();
        }
      });
    });
  });
}

function draft(symbol: string, price: string): TickDraft {
  return { tick: { symbol, price, ts: 1 }, day: { open: price, high: price, low: price, volume: '0' } };
}

/** `gen` tells the tests' announcements apart, `epoch` their order. */
function announcement(gen: string, epoch: number): Announcement {
  return {
    node: 'suite',
    epoch,
    gen,
    feed: { state: 'live', since: 1, reason: '', sources: [{ name: 's', state: 'live', symbols: ['A'] }] },
  };
}

async function announcementsOf(node: BackplaneDriver, gen: string): Promise<Announcement[]> {
  const received = await node.received();
  return received.flatMap((each) =>
    each.kind === 'announcement' && each.announcement.gen === gen ? [each.announcement] : [],
  );
}

async function takeLease(node: BackplaneDriver): Promise<LeaseRecord> {
  const record = await node.lease.take(await node.lease.read());
  if (record === null) throw new Error(`${node.node} could not take a lease that nobody else was taking`);
  return record;
}

async function claim(node: BackplaneDriver, epoch: number) {
  const claimed = await node.tickStore.claim(epoch);
  if (!claimed.ok) throw new Error(`${node.node} could not claim the store for epoch ${epoch}`);
  return claimed;
}

/** Serves that epoch and returns when the home knows it, which may take a moment. */
async function serve(node: BackplaneDriver, epoch: number): Promise<number> {
  await node.serve(epoch);
  await vi.waitFor(async () => {
    expect(await node.call(epoch, 'ready?')).toMatchObject({ ok: true });
  }, arrival);
  return epoch;
}

async function emitsOf(node: BackplaneDriver, room: string): Promise<unknown[]> {
  const received = await node.received();
  return received.flatMap((each) => (each.kind === 'emit' && each.room === room ? [each.payload] : []));
}

function nodeOf(home: Home, index: number): BackplaneDriver {
  const node = home.nodes[index];
  if (node === undefined) throw new Error(`the home was opened with too few nodes for node ${index}`);
  return node;
}
