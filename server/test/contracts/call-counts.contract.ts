/** Counts of API calls: one count for each caller, whichever node is asked, and room again once its span is over. */
import { describe, expect, it } from 'vitest';
import type { Stage } from './contract-stage.ts';

const limit = { maxCalls: 5, spanS: 60 };

export function describeCallCounts(stage: Stage): void {
  describe('call counts', () => {
    it('has room for as many calls as the limit says, over all nodes together, and says when it has again', async () => {
      for (let call = 0; call < limit.maxCalls; call++) {
        const node = stage.nodes[call % stage.nodes.length] ?? stage.one;
        expect(await node.callCounts.take('key:desk', limit)).toBe(0);
      }
      for (const node of stage.nodes) {
        const waitMs = await node.callCounts.take('key:desk', limit);
        expect(waitMs).toBeGreaterThan(0);
        expect(waitMs).toBeLessThanOrEqual(limit.spanS * 1_000);
      }
    });

    it('counts each caller by itself', async () => {
      const one = { maxCalls: 1, spanS: 60 };
      expect(await stage.one.callCounts.take('user:ann', one)).toBe(0);
      expect(await stage.two.callCounts.take('user:ben', one)).toBe(0);
      expect(await stage.two.callCounts.take('user:ann', one)).toBeGreaterThan(0);
    });

    it('has room again when it said so', async () => {
      const brief = { maxCalls: 1, spanS: 1 };
      expect(await stage.one.callCounts.take('key:brief', brief)).toBe(0);
      expect(await stage.two.callCounts.take('key:brief', brief)).toBeGreaterThan(0);
      await expect.poll(() => stage.two.callCounts.take('key:brief', brief), { timeout: 10_000 }).toBe(0);
    });
  });
}
