import { describe, expect, it } from 'vitest';
import { createAddressLimits } from './address-limits.ts';

describe('limits of an address', () => {
  it('[LM7] has so many connections at once, and the next when one has left, however often it says so', async () => {
    const limits = createAddressLimits({ maxConnections: 2, maxHandshakesPerSecond: 100 });
    const [first, second] = [await limits.enter('a'), await limits.enter('a')];
    expect([first.ok, second.ok]).toEqual([true, true]);
    const refused = { ok: false, limit: 'too_many_connections_from_address', retryAfterS: 5 };
    expect(await limits.enter('a')).toEqual(refused);
    expect((await limits.enter('b')).ok).toBe(true);
    if (first.ok) first.leave();
    if (first.ok) first.leave();
    expect((await limits.enter('a')).ok).toBe(true);
    expect(await limits.enter('a')).toEqual(refused);
  });

  it('[LM7] is exact for handshakes that come all at once', async () => {
    const limits = createAddressLimits({ maxConnections: 10, maxHandshakesPerSecond: 100 });
    const all = await Promise.all(Array.from({ length: 100 }, () => limits.enter('a')));
    expect(all.filter(({ ok }) => ok)).toHaveLength(10);
  });

  it('[LM7] makes five times as many handshakes as it may a second, and is told when to come again', async () => {
    const limits = createAddressLimits({ maxConnections: 100, maxHandshakesPerSecond: 2 });
    const all = await Promise.all(Array.from({ length: 12 }, () => limits.enter('a')));
    expect(all.map(({ ok }) => ok)).toEqual([...Array(10).fill(true), false, false]);
    expect(all.at(-1)).toEqual({ ok: false, limit: 'too_many_handshakes', retryAfterS: 5 });
    expect((await limits.enter('b')).ok).toBe(true);
  });
});
