import { describe, expect, it } from 'vitest';
import { createFakeClock } from './testing/fake-clock.ts';
import { createRenewal, type TokenSource } from './token.ts';

/** A connection that is live with a token which ends in so many milliseconds; `turn` lets promises settle. */
function liveFor(ms: number, token: TokenSource) {
  const clock = createFakeClock();
  const shown: { token: string; answer: (value: unknown) => void }[] = [];
  const renewal = createRenewal({
    token,
    clock,
    send: (_name, next, answer) => void shown.push({ token: next, answer }),
  });
  renewal.connected(clock.now() + ms);
  return { clock, renewal, shown, turn: () => new Promise((resolve) => setImmediate(resolve)) };
}

describe('the token of a stream', () => {
  it('[SI7] is another one 30 s before it ends, and again', async () => {
    let count = 0;
    const test = liveFor(600_000, () => Promise.resolve(`token-${++count}`));
    test.clock.advance(569_999);
    await test.turn();
    expect(count).toBe(0);
    test.clock.advance(1);
    await test.turn();
    expect(test.shown.map(({ token }) => token)).toEqual(['token-1']);
    test.shown[0]?.answer({ ok: true, expiresAt: test.clock.now() + 600_000, symbols: [] });
    test.clock.advance(569_999);
    await test.turn();
    expect(count).toBe(1);
    test.clock.advance(1);
    await test.turn();
    expect(test.shown.map(({ token }) => token)).toEqual(['token-1', 'token-2']);
  });

  it('[SI7] is renewed at half of its time where it is short, and sooner and sooner where that fails', async () => {
    const asked: number[] = [];
    const test = liveFor(16_000, () => {
      asked.push(test.clock.now() - 1_700_000_000_000);
      if (asked.length % 2 === 0) throw new Error('nobody there');
      return 'token';
    });
    for (let passed = 0; passed < 15_500; passed += 500) {
      test.clock.advance(500);
      await test.turn();
      for (const { answer } of test.shown)
        answer({ ok: false, code: 4303, name: 'token_invalid', message: '', retry: 'never' });
    }
    expect(asked).toEqual([8_000, 12_000, 14_000, 15_000]);
  });

  it('is left alone once the connection is gone, or is another', async () => {
    let give: (token: string) => void = () => {};
    const test = liveFor(60_000, () => new Promise((resolve) => (give = resolve)));
    test.clock.advance(30_000);
    test.renewal.disconnected();
    give('late');
    await test.turn();
    expect(test.shown).toEqual([]);
    test.clock.advance(600_000);
    expect(test.shown).toEqual([]);
  });

  it('is not asked for again and again where clocks differ', async () => {
    let count = 0;
    let answered = 0;
    const test = liveFor(-600_000, () => `token-${++count}`);
    for (let second = 0; second < 60; second++) {
      test.clock.advance(1_000);
      await test.turn();
      const fresh = test.shown.slice(answered);
      answered += fresh.length;
      for (const { answer } of fresh)
        answer({ ok: true, expiresAt: test.clock.now() - 600_000, symbols: [] });
    }
    expect(count).toBe(2);
  });

  it('may end in years', async () => {
    let count = 0;
    const test = liveFor(60 * 86_400_000, () => `token-${++count}`);
    test.clock.advance(60 * 86_400_000 - 30_001);
    await test.turn();
    expect(count).toBe(0);
    test.clock.advance(1);
    await test.turn();
    expect(count).toBe(1);
  });

  it('that is text is not renewed', async () => {
    const test = liveFor(60_000, 'token');
    test.clock.advance(59_999);
    await test.turn();
    expect(test.shown).toEqual([]);
  });
});
