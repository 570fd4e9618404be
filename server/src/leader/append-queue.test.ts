import { describe, expect, it } from 'vitest';
import { createAppendQueue } from './append-queue.ts';

const ticks = (count: number) => Array.from({ length: count }, (_, ts) => ({ symbol: 'A', price: '1', ts }));

describe('createAppendQueue', () => {
  it('[PB2] puts what sources gave together, up to one append, and keeps pushes apart and in order', () => {
    const queue = createAppendQueue<string>({ maxTicks: 1_000 });
    queue.addFromSource(ticks(100));
    queue.addFromSource(ticks(99));
    queue.addFromSource(ticks(2));
    queue.add({ ticks: ticks(5), settle: () => {} });
    queue.addFromSource(ticks(3));
    expect([1, 2, 3, 4, 5].map(() => queue.next()?.ticks.length)).toEqual([199, 2, 5, 3, undefined]);
  });

  it('takes a push whole or not at all, and of a source what fits', () => {
    const queue = createAppendQueue<string>({ maxTicks: 10 });
    expect(queue.add({ ticks: ticks(8), settle: () => {} })).toBe(true);
    expect(queue.add({ ticks: ticks(3), settle: () => {} })).toBe(false);
    expect(queue.addFromSource(ticks(5))).toBe(3);
    expect(queue.addFromSource(ticks(1))).toBe(1);
    queue.next();
    expect(queue.addFromSource(ticks(8))).toBe(0);
  });

  it('settles all that wait', () => {
    const outcomes: string[] = [];
    const queue = createAppendQueue<string>({ maxTicks: 10 });
    for (let index = 0; index < 2; index++)
      queue.add({ ticks: ticks(1), settle: (outcome) => outcomes.push(outcome) });
    queue.settleAll('over');
    expect([outcomes, queue.next()]).toEqual([['over', 'over'], null]);
  });
});
