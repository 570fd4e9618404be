import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AckWindow } from './ack-window.ts';

/** The least that is let on its way, in bytes. */
const least = 8_192;

let names = 1_000;

/** Writes the bytes with a ping behind them; gives the ping's name. */
function ask(window: AckWindow, bytes: number, now: number): number {
  window.wrote(bytes);
  window.pinged(++names, now);
  return names;
}

/** A client that reads so many bytes a second of all that fits, each piece answered when it was read. */
function read(bytesPerSecond: number, forMs: number): AckWindow {
  const window = new AckWindow();
  let now = 100_000;
  let readAt = now;
  const due: { ping: number; at: number }[] = [];
  for (const end = now + forMs; now < end; now += 5) {
    for (let first = due[0]; first !== undefined && first.at <= now; first = due[0]) {
      due.shift();
      window.answered(first.ping, now);
    }
    while (window.fits(1_000)) {
      readAt = Math.max(readAt, now) + 1_000_000 / bytesPerSecond;
      due.push({ ping: ask(window, 1_000, now), at: readAt });
    }
  }
  return window;
}

describe('AckWindow', () => {
  it('[SL1] lets more go only after what is on its way was acknowledged', () => {
    const window = new AckWindow();
    const { limit } = window;
    expect(window.fits(limit)).toBe(true);
    const ping = ask(window, limit, 100_000);
    expect([window.inFlight, window.fits(1)]).toEqual([limit, false]);
    expect(window.answered(ping, 100_010)).toBe(true);
    expect([window.inFlight, window.fits(least)]).toEqual([0, true]);
  });

  it('[SL1] a pong that nobody asked for, or a made-up or repeated one, changes nothing', () => {
    const window = new AckWindow();
    const ping = ask(window, 5_000, 100_000);
    const { limit } = window;
    for (const forged of [0, -1, 1, ping - 1, ping + 1, Number.NaN, Infinity, Number.MAX_SAFE_INTEGER])
      expect(window.answered(forged, 100_001)).toBe(false);
    expect([window.inFlight, window.limit, window.oldestPingAt()]).toEqual([5_000, limit, 100_000]);
    window.answered(ping, 100_010);
    expect([window.isAsked(), window.oldestPingAt()]).toEqual([false, null]);
    const after = window.limit;
    expect(window.answered(ping, 100_011)).toBe(false);
    expect([window.inFlight, window.limit]).toEqual([0, after]);
  });

  it('[SL1] the limit settles near what a client reads in half a second, and never below 8 KB', () => {
    for (const rate of [2_000, 20_000, 60_000, 200_000, 1_000_000]) {
      const { limit } = read(rate, 10_000);
      expect(limit, `${rate} bytes a second`).toBeGreaterThanOrEqual(least);
      expect(limit, `${rate} bytes a second`).toBeLessThanOrEqual(Math.max(least, rate) + 1_000);
      expect(limit, `${rate} bytes a second`).toBeGreaterThanOrEqual(Math.min(rate * 0.45, 1_000_000));
    }
  });

  it('[SL1] a client that became slow is given less, answer by answer', () => {
    const window = read(1_000_000, 3_000);
    let now = 200_000;
    for (let count = 0; count < 12; count++) {
      const ping = ask(window, 1_000, now);
      now += 1_000;
      window.answered(ping, now);
    }
    expect(window.limit).toBe(least);
  });

  it('[SL1] asks eight times in a window before the first answer and where answers are slow', () => {
    const window = new AckWindow();
    expect(window.wantsPing(100)).toBe(false);
    window.wrote(Math.max(2_048, window.limit / 8));
    expect(window.wantsPing(100)).toBe(true);
    window.pinged(1, 100_000);
    expect(window.wantsPing(100)).toBe(false);
    window.answered(1, 100_400);
    window.wrote(Math.max(2_048, window.limit / 8));
    expect(window.wantsPing(100)).toBe(true);
  });

  it('[SL1] asks the later in a window the sooner answers come, and before what is next does not fit', () => {
    /** How much of the window, in parts of 1,000 bytes, was written when one was asked that answers after so long. */
    function askedAt(answerMs: number, bytes: number): number {
      const window = new AckWindow();
      window.answered(ask(window, window.limit, 100_000), 100_000 + answerMs);
      let written = 0;
      do {
        window.wrote(bytes);
        written += bytes;
      } while (!window.wantsPing(bytes));
      expect(window.inFlight).toBeLessThanOrEqual(window.limit);
      return written / window.limit;
    }
    const shares = [0, 100, 200, 300, 400].map((answerMs) => askedAt(answerMs, 100));
    for (const [i, share] of shares.entries())
      expect(share, `${i}00 ms`).toBeCloseTo([0.8, 0.6, 0.4, 0.2, 0.125][i] ?? 0, 1);
    expect(askedAt(0, 80_000)).toBeLessThan(0.7);
  });

  it('[SL1] a pong acknowledges all bytes written before its ping, in any order of pongs', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constantFrom('write' as const, 'ask' as const), bytes: fc.nat(20_000) }),
      fc.record({ kind: fc.constant('answer' as const), which: fc.nat(20), afterMs: fc.nat(2_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const window = new AckWindow();
        const asked: { ping: number; position: number }[] = [];
        let now = 100_000;
        let written = 0;
        let acked = 0;
        for (const one of steps) {
          if (one.kind === 'answer') {
            now += one.afterMs;
            const answered = asked[one.which % Math.max(asked.length, 1)];
            if (answered !== undefined && window.answered(answered.ping, now)) acked = answered.position;
          } else {
            written += one.bytes;
            if (one.kind === 'write') window.wrote(one.bytes);
            else asked.push({ ping: ask(window, one.bytes, now), position: written });
          }
          expect(window.inFlight).toBe(written - acked);
          expect(window.limit).toBeGreaterThanOrEqual(least);
          expect(window.fits(0)).toBe(written - acked <= window.limit);
        }
      }),
    );
  });
});
