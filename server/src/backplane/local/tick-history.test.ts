import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTickHistory } from './tick-history.ts';

describe('the history of a symbol', () => {
  it('gives every tick after a seq, or nothing, whatever its size and how far it ran', () => {
    fc.assert(
      fc.property(fc.nat(8), fc.nat(30), fc.integer({ min: -2, max: 32 }), (maxTicks, head, seq) => {
        const history = createTickHistory(maxTicks);
        for (let next = 1; next <= head; next++) history.add(next, String(next));
        const missed = Array.from({ length: Math.max(0, head - seq) }, (_, index) => seq + 1 + index);
        const isThere = seq >= 0 && seq <= head && missed.length <= maxTicks;
        expect(history.after(seq)?.map(Number) ?? null).toEqual(isThere ? missed : null);
      }),
    );
  });

  it('gives nothing for what is no seq', () => {
    const history = createTickHistory(4);
    for (let next = 1; next <= 4; next++) history.add(next, String(next));
    for (const seq of [1.5, NaN, Infinity, -Infinity]) expect(history.after(seq)).toBeNull();
  });
});
