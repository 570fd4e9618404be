/**
 * What the simulator knows of each symbol: a plausible price, how far it moves and how much is traded at a time.
 * Invented figures of the right scale; nothing here is a market's price.
 */
import type { Decimal } from '../../protocol/index.ts';
import { hashText } from './random.ts';

/** How a symbol behaves. The decimals of `start` and `size` are the decimals of its prices and sizes. */
export interface Profile {
  /** Where its price begins, and what it is drawn back to over half a day. */
  start: Decimal;
  /** The standard deviation of an hour's move, as a part of the price; livelier than markets, so that one sees it move. */
  volatility: number;
  /** What is traded at a time, on average. */
  size: Decimal;
}

const crypto = 0.012;
const share = 0.01;
const currency = 0.003;

const profiles: ReadonlyMap<string, Profile> = new Map(
  Object.entries<Profile>({
    'BTC-USD': { start: '64250.00', volatility: crypto, size: '0.0850' },
    'ETH-USD': { start: '3420.50', volatility: crypto, size: '0.750' },
    'SOL-USD': { start: '148.320', volatility: 0.016, size: '12.50' },
    'BNB-USD': { start: '582.40', volatility: crypto, size: '1.250' },
    'XRP-USD': { start: '0.52340', volatility: crypto, size: '1200.0' },
    'ADA-USD': { start: '0.38650', volatility: crypto, size: '900.0' },
    'DOGE-USD': { start: '0.12485', volatility: 0.018, size: '2500' },
    'AVAX-USD': { start: '27.440', volatility: 0.016, size: '20.00' },
    'LINK-USD': { start: '14.2650', volatility: 0.014, size: '35.00' },
    'LTC-USD': { start: '71.850', volatility: crypto, size: '4.500' },
    AAPL: { start: '228.40', volatility: share, size: '80' },
    MSFT: { start: '431.20', volatility: share, size: '45' },
    NVDA: { start: '124.60', volatility: 0.016, size: '220' },
    AMZN: { start: '186.70', volatility: share, size: '90' },
    GOOGL: { start: '168.90', volatility: share, size: '85' },
    META: { start: '562.30', volatility: share, size: '35' },
    TSLA: { start: '241.10', volatility: 0.018, size: '160' },
    JPM: { start: '212.80', volatility: share, size: '50' },
    KO: { start: '71.35', volatility: share, size: '70' },
    DIS: { start: '94.25', volatility: share, size: '60' },
    'EUR-USD': { start: '1.08540', volatility: currency, size: '100000' },
    'GBP-USD': { start: '1.29310', volatility: currency, size: '80000' },
    'USD-JPY': { start: '151.420', volatility: currency, size: '120000' },
    'USD-CHF': { start: '0.86730', volatility: currency, size: '70000' },
    'AUD-USD': { start: '0.66180', volatility: currency, size: '60000' },
    'USD-CAD': { start: '1.38250', volatility: currency, size: '60000' },
    'NZD-USD': { start: '0.60340', volatility: currency, size: '40000' },
    'EUR-GBP': { start: '0.83940', volatility: currency, size: '50000' },
  }),
);

/** The symbols that the simulator has when none are listed. */
export const catalogueSymbols: readonly string[] = [...profiles.keys()];

/** The symbol's profile; one that is not in the catalogue gets a price between 5 and 500 that follows from its name. */
export function profileOf(symbol: string): Profile {
  const known = profiles.get(symbol);
  if (known !== undefined) return known;
  const cents = 500 + (hashText(symbol) % 49_500);
  const start = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
  return /[-./]/.test(symbol)
    ? { start: `${start}00`, volatility: crypto, size: '15.00' }
    : { start, volatility: share, size: '60' };
}
