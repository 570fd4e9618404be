import { describe, expect, it } from 'vitest';
import { parseSymbol, symbolOfRoom, tickRoom } from './index.ts';

describe('symbols', () => {
  it.each(['BTC-USD', 'AAPL', 'BRK.B', 'EUR/USD', '7203', 'btc-usd'])('[S1] %s is one', (text) =>
    expect(parseSymbol(text)).toBe(text.toUpperCase()),
  );
  it.each([
    '',
    ' BTC',
    'BTC-',
    '-USD',
    'A-B-C',
    'BTC_USD',
    '*',
    'tick:BTC',
    '__proto__',
    'A'.repeat(17),
    'ÄPFEL',
    'BTC\n',
    'ß',
    'x'.repeat(50),
  ])('[S1] %j is none', (text) => expect(parseSymbol(text)).toBeNull());

  it('[S2] has a room that leads back to it', () => {
    expect(symbolOfRoom(tickRoom('BTC-USD'))).toBe('BTC-USD');
    expect(symbolOfRoom('user:7')).toBeNull();
  });
});
