/** The leaders' notes: every node reads what the leader of this epoch wrote, and no earlier leader writes any more. */
import { describe, expect, it } from 'vitest';
import { type Stage, takeLease } from './contract-stage.ts';

export function describeLeaderNotes(stage: Stage): void {
  describe('leader notes', () => {
    it('has none of a name that was never written', async () => {
      expect(await stage.one.leaderNotes.read('never')).toBeNull();
    });

    it('gives every node what the leader wrote last, to the letter', async () => {
      const { epoch } = await takeLease(stage.one);
      expect(await stage.one.leaderNotes.write(epoch, 'list', 'first')).toBe(true);
      expect(await stage.one.leaderNotes.write(epoch, 'list', '{"é":"\\n"}\n')).toBe(true);
      expect(await stage.one.leaderNotes.write(epoch, 'other', '')).toBe(true);
      for (const node of stage.nodes) {
        expect(await node.leaderNotes.read('list')).toBe('{"é":"\\n"}\n');
        expect(await node.leaderNotes.read('other')).toBe('');
      }
    });

    it('[LD1] takes nothing from a leader of the past, whose notes stay, nor of an epoch to come', async () => {
      const { epoch } = await takeLease(stage.one);
      await stage.one.leaderNotes.write(epoch, 'fenced', 'of the first');
      const next = await takeLease(stage.two);
      expect(await stage.one.leaderNotes.write(epoch, 'fenced', 'too late')).toBe(false);
      expect(await stage.three.leaderNotes.write(next.epoch + 1, 'fenced', 'too early')).toBe(false);
      expect(await stage.three.leaderNotes.read('fenced')).toBe('of the first');
      expect(await stage.two.leaderNotes.write(next.epoch, 'fenced', 'of the second')).toBe(true);
      expect(await stage.one.leaderNotes.read('fenced')).toBe('of the second');
    });
  });
}
