/**
 * Gives a client that comes back what it missed of one symbol: every missed tick in order, or one tick that stands for all of them at
 * slower rates. Knows no calls. Keeps SPEC.md [RC1], [RC3], [RT4].
 */
import { dayOf, tickRoom, type Position, type Tick } from '../../protocol/index.ts';
import type { TickPlace } from '../log/price-book.ts';
import type { Client } from './client.ts';
import type { Prices } from './streams.ts';

/** What was missed as one tick at most, of which only what the missed ones led to is known [RT4]; null if the position is of no known place. */
export function missedAsOne(
  symbol: string,
  [gen, seq]: Position,
  prices: Pick<Prices, 'gen' | 'quote' | 'seq'>,
): Tick[] | null {
  const last = prices.seq(symbol);
  if (prices.gen() !== gen || seq > last) return null;
  if (last === seq) return [];
  const quote = prices.quote(symbol);
  // The symbol was forgotten and listed again.
  if (quote === null) return null;
  const { price, ts } = quote;
  return [{ symbol, price, gen, seq: last, ts, merged: last - seq - 1, day: dayOf(quote) }];
}

/** One symbol of one client. Its missed ticks were counted when the replay was decided on, and are read as they are written. */
export interface ReplayOptions {
  socket: Pick<Client, 'join'>;
  symbol: string;
  position: Position;
  prices: Pick<Prices, 'gen' | 'missedSince'>;
  /** How many ticks may be written at once. */
  maxSlice: () => number;
  /** Whether the client is gone, or is to get nothing more. */
  isOver: () => boolean;
  /** Writes ticks in this turn; resolves when the client may be given more. */
  write: (ticks: readonly TickPlace[]) => Promise<void>;
  /** Sends the symbol's quote instead: ticks have left the window while others were written. */
  sendSnapshot: (reason: 'gap' | 'generation') => void;
}

/** Resolves when the client has joined and may be given more, or is gone. It joins before this returns if few are missed. */
export async function replay(options: ReplayOptions): Promise<void> {
  const { socket, symbol, position, prices, maxSlice, isOver, write, sendSnapshot } = options;
  const [gen, from] = position;
  let at = from;
  for (;;) {
    if (isOver()) return;
    const size = maxSlice();
    // One more than is written, to know whether it is the last slice.
    const missed = prices.missedSince(symbol, [gen, at], size + 1);
    if (missed === null) {
      sendSnapshot(prices.gen() === gen ? 'gap' : 'generation');
      void socket.join(tickRoom(symbol));
      return;
    }
    const slice = missed.slice(0, size);
    at += slice.length;
    const room = slice.length === 0 ? undefined : write(slice);
    if (slice.length === missed.length) {
      void socket.join(tickRoom(symbol));
      await room;
      return;
    }
    await room;
  }
}
