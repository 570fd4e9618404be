import { describe, expect, it } from 'vitest';
import { limits, parseSymbol, symbolOfRoom, tickRoom, tierOfRoom } from './index.ts';

describe('symbols', () => {
  it.each(['BTC-USD', 'AAPL', 'BRK.B', 'EUR/USD', '7203', 'btc-usd'])('[S1] %s is one', (text) =>
    expect(parseSymbol(text)).toBe(text.toUpperCase()),
  );
  const badForm = ['', ' BTC', 'BTC-', '-USD', 'A-B-C', 'BTC_USD', '*', 'tick:BTC', '__proto__', 'BTC\n'];
  const tooLong = ['A'.repeat(17), 'x'.repeat(50)];

  it.each([...badForm, ...tooLong, 'A,B', 'ÄPFEL', 'ß', '\u0661'])('[S1] %j is none', (text) => {
    expect(parseSymbol(text)).toBeNull();
  });

  it('[S2] has a room for each rate, which leads back to both', () => {
    const rooms = limits.offeredEveryMs.map((everyMs) => tickRoom('BTC-USD', everyMs));
    expect(rooms.slice(0, 2)).toEqual(['tick:BTC-USD', 'tick:BTC-USD@250']);
    expect(rooms.map(symbolOfRoom)).toEqual(rooms.map(() => 'BTC-USD'));
    expect(rooms.map(tierOfRoom)).toEqual(limits.offeredEveryMs);
    expect([symbolOfRoom('user:7'), tierOfRoom('user:7')]).toEqual([null, null]);
  });
});
