/** What nodes tell each other: calls, announcements, and room emits. */
import { describe, expect, it, vi } from 'vitest';
import type { Announcement } from '../../src/backplane/contract.ts';
import type { BackplaneDriver } from './backplane-driver.ts';
import { arrival, nodeOf, type Stage } from './contract-stage.ts';

export function describeMessages(stage: Stage): void {
  describe('calls', () => {
    it('carry a request to a node and its answer back, from another node and from itself', async () => {
      const request = { ticks: [{ symbol: 'A', price: '1.0' }], nothing: null };
      for (const node of stage.nodes) {
        expect(await node.call(stage.two.node, request)).toEqual({
          ok: true,
          answer: { by: stage.two.node, request },
        });
      }
    });

    it('have each an answer of their own, if many are made at once', async () => {
      const { node } = stage.one;
      const calls = Array.from({ length: 100 }, (_, index) => nodeOf(stage, index % 3).call(node, index));
      const answers = await Promise.all(calls);
      expect(answers).toEqual(
        answers.map((_, index) => ({ ok: true, answer: { by: node, request: index } })),
      );
    });

    it('bring an error of the other node back by its text', async () => {
      expect(await stage.one.call(stage.two.node, { fail: 'no such symbol' })).toEqual({
        ok: false,
        name: 'Error',
        message: 'no such symbol',
      });
    });

    it('to a node that is not there end within half a second', async () => {
      const before = performance.now();
      expect(await stage.one.call('nobody', 'anyone?')).toMatchObject({ ok: false, name: 'NobodyThere' });
      expect(performance.now() - before).toBeLessThan(500);
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

/** `gen` tells the tests' announcements apart, and `epoch` gives their order. */
function announcement(gen: string, epoch: number): Announcement {
  return {
    node: 'suite',
    epoch,
    gen,
    number: epoch,
    feed: { state: 'live', since: 1, reason: '', sources: [{ name: 's', state: 'live' }] },
  };
}

async function announcementsOf(node: BackplaneDriver, gen: string): Promise<Announcement[]> {
  const received = await node.received();
  return received.flatMap((each) =>
    each.kind === 'announcement' && each.announcement.gen === gen ? [each.announcement] : [],
  );
}

async function emitsOf(node: BackplaneDriver, room: string): Promise<unknown[]> {
  const received = await node.received();
  return received.flatMap((each) => (each.kind === 'emit' && each.room === room ? [each.payload] : []));
}
