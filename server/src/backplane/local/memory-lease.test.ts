import { describe, expect, it } from 'vitest';
import { createMemoryLease } from './memory-lease.ts';

describe('the lease in memory', () => {
  it('goes to one of two nodes that saw the same record', () => {
    const lease = createMemoryLease();
    const seen = lease.read();
    expect(lease.take('a', seen)).toMatchObject({ holder: 'a', epoch: 1 });
    expect(lease.take('b', seen)).toBeNull();
    expect(lease.read().holder).toBe('a');
  });

  it('is not taken by a node that missed a beat of the holder', () => {
    const lease = createMemoryLease();
    lease.take('a', lease.read());
    const seen = lease.read();
    expect(lease.beat('a', 1)).toBe(true);
    expect(lease.take('b', seen)).toBeNull();
  });

  it('is taken with the next epoch, and the old holder can neither beat nor release', () => {
    const lease = createMemoryLease();
    lease.take('a', lease.read());
    expect(lease.take('b', lease.read())).toMatchObject({ holder: 'b', epoch: 2 });
    expect(lease.beat('a', 1)).toBe(false);
    expect(lease.release('a', 1)).toBe(false);
    expect(lease.read()).toMatchObject({ holder: 'b', epoch: 2 });
  });

  it('changes its beat with each renewal and with each take', () => {
    const lease = createMemoryLease();
    const beats = [lease.read().beat];
    lease.take('a', lease.read());
    beats.push(lease.read().beat);
    lease.beat('a', 1);
    beats.push(lease.read().beat);
    expect(new Set(beats).size).toBe(3);
  });

  it('keeps its epoch through a release, so that the next take rises above it', () => {
    const lease = createMemoryLease();
    lease.take('a', lease.read());
    expect(lease.release('a', 1)).toBe(true);
    expect(lease.read()).toMatchObject({ holder: null, epoch: 1 });
    expect(lease.take('a', lease.read())).toMatchObject({ holder: 'a', epoch: 2 });
  });

  it('is held by nobody at first, and gives records that later changes do not reach', () => {
    const lease = createMemoryLease();
    const before = lease.read();
    lease.take('a', before);
    expect(before).toEqual({ holder: null, epoch: 0, beat: 0 });
  });
});
