/** What nodes tell each other: calls to the leader, announcements, and room emits. */
import { describe, expect, it, vi } from 'vitest';
import type { Announcement } from '../../src/backplane/contract.ts';
import type { BackplaneDriver } from './backplane-driver.ts';
import { arrival, nodeOf, type Stage } from './contract-stage.ts';

export function describeMessages(stage: Stage): void {
  describe('leader line', () => {
    it('carries a request to the leader and its answer back, from another node and from itself', async () => {
      const epoch = await serve(stage.two, stage.nextTerm());
      const request = { ticks: [{ symbol: 'A', price: '1.0' }], nothing: null };
      for (const node of stage.nodes) {
        expect(await node.call(epoch, request)).toEqual({
          ok: true,
          answer: { by: stage.two.node, request },
        });
      }
    });

    it('answers each of many calls at once with its own answer', async () => {
      const epoch = await serve(stage.one, stage.nextTerm());
      const calls = Array.from({ length: 100 }, (_, index) => nodeOf(stage, index % 3).call(epoch, index));
      const answers = await Promise.all(calls);
      expect(answers).toEqual(
        answers.map((_, index) => ({ ok: true, answer: { by: stage.one.node, request: index } })),
      );
    });

    it('brings an error of the leader back by name and text', async () => {
      const epoch = await serve(stage.two, stage.nextTerm());
      expect(await stage.one.call(epoch, { fail: 'no such symbol' })).toEqual({
        ok: false,
        name: 'Error',
        message: 'no such symbol',
      });
    });

    it('says NoLeader within half a second where nobody serves the epoch, or no longer does', async () => {
      const before = performance.now();
      expect(await stage.one.call(stage.nextTerm(), 'anyone?')).toMatchObject({
        ok: false,
        name: 'NoLeader',
      });
      expect(performance.now() - before).toBeLessThan(500);
      const epoch = await serve(stage.two, stage.nextTerm());
      await stage.two.stopServing(epoch);
      await vi.waitFor(async () => {
        expect(await stage.one.call(epoch, 'still there?')).toMatchObject({ ok: false, name: 'NoLeader' });
      }, arrival);
    });
  });

  describe('announcements', () => {
    it('reach every node, the sender included, in the order they were sent', async () => {
      const sent = [1, 2, 3].map((epoch) => announcement('ordered', epoch));
      for (const each of sent) await stage.one.announce(each);
      for (const node of stage.nodes) {
        await vi.waitFor(async () => expect(await announcementsOf(node, 'ordered')).toEqual(sent), arrival);
      }
    });

    it('come after the room emits that were made before them', async () => {
      for (const node of [stage.two, stage.three]) await node.joinRoom('race');
      const rounds = Array.from({ length: 50 }, (_, index) => index);
      for (const round of rounds)
        await stage.one.emitThenAnnounce('race', round, announcement('race', round));
      const wanted = rounds.flatMap((round) => [`emit ${round}`, `announcement ${round}`]);
      for (const node of [stage.two, stage.three]) {
        await vi.waitFor(async () => {
          const seen = (await node.received()).flatMap((each) => {
            if (each.kind === 'emit') return each.room === 'race' ? [`emit ${String(each.payload)}`] : [];
            if (each.kind !== 'announcement') return [];
            const { gens, epoch } = each.announcement;
            return gens[0] === 'race' ? [`announcement ${epoch}`] : [];
          });
          expect(seen).toEqual(wanted);
        }, arrival);
      }
    });
  });

  describe('adapter', () => {
    it('is the class that the mixin made', async () => {
      for (const node of stage.nodes) expect(await node.wrapped()).toBe(true);
    });

    it('brings a room emit to the members on every node, once and in order, and to nobody else', async () => {
      await stage.one.joinRoom('tick:BTC-USD');
      await stage.two.joinRoom('tick:BTC-USD');
      await stage.three.joinRoom('tick:ETH-USD');
      const payloads = [{ price: '1.10' }, { price: '1.20' }, { price: '1.30' }];
      for (const payload of payloads) await stage.two.emitToRoom('tick:BTC-USD', payload);
      await stage.two.emitToRoom('tick:ETH-USD', 'fence');
      await vi.waitFor(
        async () => expect(await emitsOf(stage.three, 'tick:ETH-USD')).toEqual(['fence']),
        arrival,
      );
      await vi.waitFor(
        async () => expect(await emitsOf(stage.one, 'tick:BTC-USD')).toEqual(payloads),
        arrival,
      );
      expect(await emitsOf(stage.two, 'tick:BTC-USD')).toEqual(payloads);
      expect(await emitsOf(stage.three, 'tick:BTC-USD')).toEqual([]);
    });
  });
}

/** Serves that epoch and returns when the home knows it, which may take a moment. */
async function serve(node: BackplaneDriver, epoch: number): Promise<number> {
  await node.serve(epoch);
  await vi.waitFor(async () => {
    expect(await node.call(epoch, 'ready?')).toMatchObject({ ok: true });
  }, arrival);
  return epoch;
}

/** `gen` tells the tests' announcements apart, `epoch` their order. */
function announcement(gen: string, epoch: number): Announcement {
  return {
    node: 'suite',
    epoch,
    gens: [gen],
    heads: [['A', gen, epoch]],
    feed: { state: 'live', since: 1, reason: '', sources: [{ name: 's', state: 'live', symbols: ['A'] }] },
    changes: { version: epoch, feeds: [['A', 'push'] as const, ['B', null] as const] },
  };
}

async function announcementsOf(node: BackplaneDriver, gen: string): Promise<Announcement[]> {
  const received = await node.received();
  return received.flatMap((each) =>
    each.kind === 'announcement' && each.announcement.gens[0] === gen ? [each.announcement] : [],
  );
}

async function emitsOf(node: BackplaneDriver, room: string): Promise<unknown[]> {
  const received = await node.received();
  return received.flatMap((each) => (each.kind === 'emit' && each.room === room ? [each.payload] : []));
}
