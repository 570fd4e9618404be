/** The lease: one holder at most, epochs that rise, beats and releases that others notice. */
import { describe, expect, it, vi } from 'vitest';
import { arrival, type Stage, takeLease } from './contract-stage.ts';

export function describeLease(stage: Stage): void {
  describe('lease', () => {
    it('is taken with the next epoch, and every node reads the same record', async () => {
      const before = await stage.one.lease.read();
      const record = await stage.one.lease.take(before);
      expect(record).toMatchObject({ holder: stage.one.node });
      expect(record?.epoch).toBeGreaterThan(before.epoch);
      expect(await stage.two.lease.read()).toEqual(record);
      const next = await stage.two.lease.take(await stage.two.lease.read());
      expect(next).toMatchObject({ holder: stage.two.node, epoch: (record?.epoch ?? 0) + 1 });
    });

    it('is not taken when the record is no longer what was seen', async () => {
      const seen = await stage.one.lease.read();
      const taken = await stage.two.lease.take(seen);
      expect(await stage.one.lease.take(seen)).toBeNull();
      expect(await stage.three.lease.read()).toEqual(taken);
    });

    it('is not taken on what was seen before a beat', async () => {
      const { epoch } = await takeLease(stage.one);
      const seen = await stage.two.lease.read();
      expect(await stage.one.lease.beat(epoch)).toBe(true);
      expect(await stage.two.lease.take(seen)).toBeNull();
    });

    it('is given to exactly one of those who take at the same time', async () => {
      const seen = await stage.one.lease.read();
      const taken = await Promise.all(stage.nodes.map((node) => node.lease.take(seen)));
      expect(taken.filter((record) => record !== null)).toHaveLength(1);
    });

    it('shows a new beat after each renewal and nothing else', async () => {
      const record = await takeLease(stage.one);
      expect(await stage.one.lease.beat(record.epoch)).toBe(true);
      const renewed = await stage.two.lease.read();
      expect(renewed).toMatchObject({ holder: stage.one.node, epoch: record.epoch });
      expect(renewed.beat).not.toBe(record.beat);
    });

    it('is not renewed by a node that lost it, in no epoch but the current one', async () => {
      const lost = await takeLease(stage.one);
      const held = await takeLease(stage.two);
      expect(await stage.one.lease.beat(lost.epoch)).toBe(false);
      expect(await stage.one.lease.beat(held.epoch)).toBe(false);
      expect(await stage.two.lease.beat(lost.epoch)).toBe(false);
      expect(await stage.two.lease.beat(held.epoch)).toBe(true);
    });

    it('is cleared by a release, which every node hears, and the epoch goes on from there', async () => {
      const { epoch } = await takeLease(stage.one);
      const heard = await Promise.all(stage.nodes.map((node) => node.releases()));
      await stage.one.lease.release(epoch);
      expect(await stage.two.lease.read()).toMatchObject({ holder: null, epoch });
      expect(await stage.one.lease.beat(epoch)).toBe(false);
      await vi.waitFor(async () => {
        expect(await Promise.all(stage.nodes.map((node) => node.releases()))).toEqual(
          heard.map((count) => count + 1),
        );
      }, arrival);
      expect(await takeLease(stage.three)).toMatchObject({ holder: stage.three.node, epoch: epoch + 1 });
    });

    it('is not released by a node that lost it', async () => {
      const lost = await takeLease(stage.one);
      const held = await takeLease(stage.two);
      await stage.one.lease.release(lost.epoch);
      await stage.one.lease.release(held.epoch);
      expect(await stage.three.lease.read()).toEqual(held);
    });
  });
}
