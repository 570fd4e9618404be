import { expect, it } from 'vitest';
import { parsePermission } from './permission.ts';

function allowed(claim: unknown, symbols: readonly string[]): string[] {
  const allows = parsePermission(claim);
  return symbols.filter((symbol) => allows?.(symbol));
}

const symbols = ['BTC-USD', 'BTC-EUR', 'BTCX', 'ETH-USD', 'A'];

it.each([
  [undefined, symbols],
  [[], []],
  [['BTC-USD'], ['BTC-USD']],
  [
    ['btc-usd', 'a'],
    ['BTC-USD', 'A'],
  ],
  [['BTC-*'], ['BTC-USD', 'BTC-EUR']],
  [['BTC*'], ['BTC-USD', 'BTC-EUR', 'BTCX']],
  [
    ['btc-e*', 'ETH-USD'],
    ['BTC-EUR', 'ETH-USD'],
  ],
  [['*'], symbols],
  [['BTC-USD', 'BTC-USD', 'SOL-USD'], ['BTC-USD']],
])('[SI5] the claim %j permits %j', (claim, permitted) => {
  expect(parsePermission(claim)).not.toBeNull();
  expect(allowed(claim, symbols)).toEqual(permitted);
});

it.each([
  ['text', 'BTC-USD'],
  ['null', null],
  ['an object', { 0: 'BTC-USD' }],
  ['a number in it', ['BTC-USD', 5]],
  ['a list in it', [['BTC-USD']]],
  ['a star that is not last', ['*-USD']],
  ['two stars', ['BTC-**']],
  ['blanks', ['BTC USD']],
  ['nothing in it', ['']],
  ['what is no beginning', ['-*']],
])('[SI5] %s is no claim', (_, claim) => {
  expect(parsePermission(claim)).toBeNull();
});
